"""The tiny families: generators of tasks that a model of two million parameters can learn, in Rust and in Python.

`draw` returns problems of a split; the same seed gives the same tasks in both languages, one by one. A task's split
follows from its meaning (family, slots, constants) alone: names, seed and language do not change it.
"""

from rustml.banks.families.drawing import FAMILIES, draw

__all__ = ["FAMILIES", "draw"]
