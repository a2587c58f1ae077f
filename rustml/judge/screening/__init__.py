"""What is refused, or compiled alone, before a compiler sees it."""
