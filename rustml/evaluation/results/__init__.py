"""Outcomes by item, the journal that survives a kill, statistics."""
