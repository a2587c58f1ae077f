"""What outside the hold-out nearly repeats something held out: checked, not assumed from the split by file."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from rustml.pairs.make_pairs import FILE_MARKS, FUNCTION_MARKS, MARKS, PIECE_MARKS, Marks
from rustml.profile.curate import NearDuplicates
from rustml.similarity.minhash import Index, Signature


class HoldoutCheck:
    """Signatures of the held-out files, functions and pieces of all shards, and what resembles them."""

    def __init__(self, shards: Sequence[Path], near: NearDuplicates) -> None:
        self._shards = shards
        self._index = Index(near.permutations, near.threshold)
        for shard in shards:
            for file, parts in _parts(read_marks(shard)).items():
                for number, (row, part) in enumerate(zip(np.load(shard / file), parts, strict=True)):
                    if part == "holdout":
                        self._index.add(f"{shard.name}/{file}/{number}", row)
        self.files: Collection[str] = frozenset(self._near_files())
        """Keys of files outside the hold-out that nearly repeat a held-out one."""
        self.functions: Collection[tuple[str, int]] = frozenset(self._near_functions())
        """Shard and number of functions outside the hold-out that nearly repeat a held-out one."""

    def repeats(self, row: Signature) -> bool:
        """Whether a text with this signature nearly repeats something held out."""
        return bool(self._index.matches(row))

    def _near_files(self) -> Iterator[str]:
        for shard in self._shards:
            for row, (key, part) in zip(np.load(shard / FILE_MARKS), read_marks(shard).files, strict=True):
                if part != "holdout" and self.repeats(row):
                    yield key

    def _near_functions(self) -> Iterator[tuple[str, int]]:
        for shard in self._shards:
            rows = np.load(shard / FUNCTION_MARKS)
            for number, (row, (_, part)) in enumerate(zip(rows, read_marks(shard).functions, strict=True)):
                if part != "holdout" and self.repeats(row):
                    yield shard.name, number


def read_marks(shard: Path) -> Marks:
    """What the signatures of a shard are of."""
    return msgspec.json.decode((shard / MARKS).read_bytes(), type=Marks)


def _parts(marks: Marks) -> dict[str, list[str]]:
    """The part of every row, by file of signatures."""
    return {
        FILE_MARKS: [part for _, part in marks.files],
        FUNCTION_MARKS: [part for _, part in marks.functions],
        PIECE_MARKS: [part for _, part, _ in marks.pieces],
    }
