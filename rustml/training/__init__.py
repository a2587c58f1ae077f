"""Training: a base model from scratch, supervised fine-tuning, reinforcement learning with the compiler as reward."""
