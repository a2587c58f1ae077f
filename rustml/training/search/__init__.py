"""Search for the settings of a training: the space of a grid, the choice of trials, and their ranking."""
