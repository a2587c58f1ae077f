"""What may come in: licences in headers, and the reading of admitted crates."""
