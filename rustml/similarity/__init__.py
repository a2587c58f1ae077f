"""How alike two texts are: shingles, MinHash, and runs of tokens in common."""
