"""Gates, promotion and the evidence that a registered version carries."""
