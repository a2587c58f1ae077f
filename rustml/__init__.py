"""rustml: from a base language model to a compiler-verified Rust coder."""
