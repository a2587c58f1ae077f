"""Verified changes of functions: what clippy suggests, and what the compiler refuses."""
