"""The servers that serve a checkpoint, one file each."""
