"""The engines that generate, one file each."""
