"""One thin click command a stage; `python -m entrypoints.STAGE --help`."""
