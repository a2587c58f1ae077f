"""What a model is asked, and how an answer becomes code."""
