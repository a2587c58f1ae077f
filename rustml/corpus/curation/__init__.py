"""Which admitted files are worth training on: filters, near-duplicates, decontamination."""
