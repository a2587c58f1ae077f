"""Near duplicates among very many signatures, one band at a time: bands are searched independently of each other.

Two texts are candidates when all rows of some band agree, as in datasketch's `MinHashLSH` with the same bands; a
candidate counts when its estimated similarity reaches the threshold. All bands together keep exactly
the texts that `minhash.survivors` keeps, whose index holds everything in one process. Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", section 3.4.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from rustml.similarity.minhash import Signature

Numbers = NDArray[np.int64]
Pairs = NDArray[np.int64]
"""Shape (n, 3): the earlier text, the later one, and the number of permutations in which they agree."""


def alike(
    columns: NDArray[np.uint32], numbers: Numbers, whole: Callable[[Numbers], NDArray[np.uint32]], threshold: float
) -> Pairs:
    """The pairs that one band finds, sorted.

    `columns` are the band's rows of the signatures, shape (texts, rows); `numbers` are the texts' numbers, ascending;
    `whole` returns the full signatures of some numbers, shape (numbers, permutations), for the verification.
    """
    verified = [_verified(group, whole(group), threshold) for group in _groups(columns, numbers)]
    pairs = np.concatenate(verified) if verified else np.empty((0, 3), dtype=np.int64)
    return np.unique(pairs, axis=0)


def _groups(columns: NDArray[np.uint32], numbers: Numbers) -> Iterator[Numbers]:
    """Texts that agree in the whole band, two or more at a time, each group in ascending order."""
    if not len(columns):
        return
    packed = np.ascontiguousarray(columns)
    keys = packed.view(np.dtype((np.void, packed.shape[1] * packed.itemsize))).ravel()
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(order))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start > 1:
            yield numbers[order[start:end]]


def _verified(group: Numbers, signatures: NDArray[np.uint32], threshold: float) -> Pairs:
    rows: list[Pairs] = []
    for later in range(1, len(group)):
        agreeing = np.count_nonzero(signatures[:later] == signatures[later], axis=1)
        near = np.flatnonzero(agreeing / signatures.shape[1] >= threshold)
        same = np.full(len(near), group[later])
        rows.append(np.stack([group[near], same, agreeing[near]], axis=1).astype(np.int64))
    return np.concatenate(rows)


def repeated(pairs: Iterable[Pairs]) -> dict[int, int]:
    """The text that each dropped text repeats: the most alike of those kept before it, the earliest among equals.

    `pairs` are those of all bands. Only a text that is kept itself drops another.
    """
    unique = np.unique(np.concatenate([np.empty((0, 3), dtype=np.int64), *pairs]), axis=0)
    order = np.lexsort((unique[:, 0], -unique[:, 2], unique[:, 1]))
    repeats: dict[int, int] = {}
    for earlier, later, _ in unique[order].tolist():
        if later not in repeats and earlier not in repeats:
            repeats[later] = earlier
    return repeats


def signature_rows(parts: list[NDArray[np.uint32]]) -> Callable[[Numbers], NDArray[np.uint32]]:
    """A function from numbers to full signatures in several arrays, which may be mapped files and are read sparsely."""
    ends = np.cumsum([len(part) for part in parts])

    def rows_of(numbers: Numbers) -> NDArray[np.uint32]:
        rows: list[Signature] = []
        for number in numbers.tolist():
            part = int(np.searchsorted(ends, number, side="right"))
            rows.append(parts[part][number - (int(ends[part]) - len(parts[part]))])
        return np.stack(rows)

    return rows_of
