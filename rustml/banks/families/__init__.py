"""The tiny families: generated tasks that a model of two million parameters can learn, each in Rust and in Python.

`draw` gives problems of a split; the same seed gives the same tasks in both languages, one by one. A task's split
follows from its meaning (family, slots, constants) alone, so no name, seed or language moves it.
"""

from rustml.banks.families.drawing import FAMILIES, draw

__all__ = ["FAMILIES", "draw"]
