"""Rust candidates: compile, lint and run them in batches."""
