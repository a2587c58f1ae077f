"""What the commands share. Modules whose name begins with `_` are not commands."""
