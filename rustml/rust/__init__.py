"""Rust as text: tokens, functions, doc-tests, fenced blocks, style."""
