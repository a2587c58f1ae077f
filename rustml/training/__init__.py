"""Training: a base model from scratch, supervised fine-tuning, and the compiler as reward."""
