"""What stages tell beside their output; nothing here changes it."""
