"""The gate that every file of every source passes: licence, encoding, licence header."""
