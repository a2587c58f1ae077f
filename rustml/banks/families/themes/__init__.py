"""The families, by theme."""
