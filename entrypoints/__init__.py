"""One thin command per stage: `python -m entrypoints.STAGE --help`, or `rustml STAGE --help` where it is installed."""
