"""Serve a version with vLLM behind its OpenAI-compatible API, and check what it answers."""
