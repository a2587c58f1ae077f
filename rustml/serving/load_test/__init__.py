"""The load test: many clients at once, what each of them waits, and what the answers are worth."""
