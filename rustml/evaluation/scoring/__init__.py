"""Numbers about an answer: similarity to a reference, scores by task, ratings of an LLM judge."""
