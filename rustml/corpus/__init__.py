"""From published crates to clean, licensed, traceable source files."""
