"""Judging a candidate in the crate that its function was taken from."""
