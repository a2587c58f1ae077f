"""The families themselves, by what their tasks are about."""
