"""What is said about a training before it starts; nothing here changes its result."""
