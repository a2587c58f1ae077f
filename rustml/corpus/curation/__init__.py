"""Curation of the admitted files: quality filters, duplicates, decontamination."""
