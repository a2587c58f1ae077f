"""What a checkpoint is: fetch, digest, quantise; the tokenizer of our own."""
