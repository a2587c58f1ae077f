"""Candidates of one crate compiled and linted together, each in the place of its reference.

A column is one candidate for each function. Its diagnostics are told apart by their spans: but for opaque results, no
body decides whether another compiles, so that what points into a member's bytes is what would be said of it alone.
Members with errors are taken out, and the others tried again: errors of one stage of the compiler hide those of the
next.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from rustml.judge.in_crate.insertion import Insertion, grouped
from rustml.judge.in_crate.recompile import Compiled, Recompiler
from rustml.judge.in_crate.shared_check import SharedCheck
from rustml.judge.in_crate.sharing import decides_elsewhere
from rustml.judge.in_crate.variants import edited
from rustml.judge.rust import diagnostics
from rustml.judge.rust.diagnostics import Message


class Columns(SharedCheck):
    """Checks each in the place of its reference; undecided are those of a failure that no message explains."""

    def __init__(self, compiler: Recompiler) -> None:
        super().__init__(compiler)
        self.said: dict[Insertion, tuple[Message, ...]] = {}
        """Lints and errors of those that are decided, with offsets in the insertion's function."""

    def check(self, insertions: Sequence[Insertion]) -> None:
        """Decide about each of them."""
        queues = grouped(insertions, lambda one: (one.site.path, one.site.start))
        for column in zip_longest(*queues):
            self._column([one for one in column if one is not None])

    def _column(self, column: Sequence[Insertion]) -> None:
        """Check one candidate for each function, without those at fault until all others compile."""
        files, places = in_place(column)
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(column[0].place.call, files, "check", out)
        if compilation.ok:
            self._hear(column, places, compilation)
            self.codes |= {one: compilation.lints(one.site.path, *places[one]) for one in column}
            return
        errors = {one: own for one in column if (own := compilation.errors(one.site.path, *places[one]))}
        clear = sum(map(len, errors.values())) == len(compilation.errors()) and not compilation.crashed
        if errors and clear and not any(decides_elsewhere(one) for one in column):
            self._hear(errors, places, compilation)
            self.errors |= {one: diagnostics.summary(own) for one, own in errors.items()}
        elif errors or len(column) == 1:
            self.undecided += errors or column
        else:
            half = len(column) // 2
            self._column(column[:half])
            self._column(column[half:])
            return
        rest = [one for one in column if one not in errors]
        if errors and rest:
            self._column(rest)

    def _hear(
        self, insertions: Iterable[Insertion], places: Mapping[Insertion, tuple[int, int]], compilation: Compiled
    ) -> None:
        for one in insertions:
            own = compilation.within(one.site.path, *places[one])
            self.said[one] = tuple(message.relative_to(places[one][0]) for message in own)


def in_place(column: Sequence[Insertion]) -> tuple[dict[str, bytes], dict[Insertion, tuple[int, int]]]:
    """The files with every function where its reference stood, and the bytes of each there."""
    files: dict[str, bytes] = {}
    places: dict[Insertion, tuple[int, int]] = {}
    for group in grouped(sorted(column, key=lambda one: one.site.start), lambda one: one.site.path):
        edits = [(one.site.start, one.site.end, one.function.encode()) for one in group]
        path = group[0].site.path
        files[path] = edited((Path(group[0].site.folder) / path).read_bytes(), edits)
        shift = 0
        for one, (start, end, text) in zip(group, edits, strict=True):
            places[one] = (start + shift, start + shift + len(text))
            shift += len(text) - (end - start)
    return files, places
