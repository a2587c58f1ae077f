"""Readers of public banks and of files of problems."""
