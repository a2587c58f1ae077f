"""Text from a model: engines behind one interface."""
