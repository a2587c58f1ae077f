"""Problems mined from crates: documented functions whose own examples and unit tests say whether an answer is right."""
