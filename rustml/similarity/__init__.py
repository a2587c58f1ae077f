"""Similarity of texts: shingles, MinHash, and common runs of tokens."""
