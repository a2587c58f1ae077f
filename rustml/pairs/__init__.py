"""From curated source files to training records: extraction, task shapes, splits, mix."""
