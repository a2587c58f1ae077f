"""Files that repeat an earlier one, over all shards of a corpus: exactly by hash, nearly by MinHash.

One process finds the exact repeats, by sorting 32 bytes per file. The search for near ones is one job per band, so that
it spreads over processors or a cluster; a job holds one band's columns and the few signatures that it verifies.
"""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from rustml.io import atomic_write
from rustml.profile.curate import NearDuplicates
from rustml.records import Record
from rustml.sharding import Summary
from rustml.sharding.shards import finished_shards
from rustml.similarity.bands import Numbers, alike, repeated, signature_rows
from rustml.similarity.minhash import bands

NAMES, HASHES, SIGNATURES = "names.json", "hashes.npy", "signatures.npy"
PAIRS = "pairs.npy"


class MatchBand(Record, frozen=True):
    """The job: one band of all signatures."""

    near: NearDuplicates
    filtered: str
    """Folder of the shards whose signatures are compared."""
    unique: str
    """File with the numbers of the files that are not exact repeats."""

    @property
    def shards(self) -> int:
        """The number of bands: one shard per band."""
        return bands(self.near.permutations, self.near.threshold)[0]

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the near duplicates among the signatures that agree in this band."""
        rows = bands(self.near.permutations, self.near.threshold)[1]
        parts = [np.load(shard / SIGNATURES, mmap_mode="r") for shard in finished_shards(Path(self.filtered))]
        numbers: Numbers = np.load(self.unique)
        columns = np.concatenate([part[:, index * rows : (index + 1) * rows] for part in parts])[numbers]
        pairs = alike(columns, numbers, signature_rows(parts), self.near.threshold)
        np.save(folder / PAIRS, pairs)
        return Summary(records=len(pairs), funnel=())


def first_occurrences(filtered: Path) -> Numbers:
    """For each file of all shards in order, the number of the first file with the same hash."""
    hashes = np.concatenate([np.load(shard / HASHES) for shard in finished_shards(filtered)])
    keys = np.ascontiguousarray(hashes).view(np.dtype((np.void, 32))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first.astype(np.int64)[inverse]


def save_unique(filtered: Path, path: Path) -> None:
    """Write the numbers of the files that are not exact repeats."""
    first = first_occurrences(filtered)
    with atomic_write(path) as out:
        np.save(out, np.flatnonzero(first == np.arange(len(first))))


def write_verdicts(filtered: Path, matched: Path, verdicts: Path) -> None:
    """Write one verdict per file: empty, or the name of the file that it repeats, which has priority by its order."""
    first = first_occurrences(filtered)
    near = repeated(np.load(shard / PAIRS) for shard in finished_shards(matched))
    labels = _labels(filtered, {*near.values(), *first[first != np.arange(len(first))].tolist()})
    verdicts.mkdir(parents=True, exist_ok=True)
    number = 0
    for shard in finished_shards(filtered):
        count = len(np.load(shard / HASHES, mmap_mode="r"))
        rows = [_verdict(row, first, near, labels) for row in range(number, number + count)]
        (verdicts / f"{shard.name}.json").write_bytes(msgspec.json.encode(rows))
        number += count


def _verdict(number: int, first: NDArray[np.int64], near: dict[int, int], labels: dict[int, str]) -> str:
    original = int(first[number])
    if original != number:
        return f"exact {labels[original]}"
    return f"near {labels[near[number]]}" if number in near else ""


def _labels(filtered: Path, wanted: set[int]) -> dict[int, str]:
    """The names of the files with the numbers `wanted`, read shard by shard."""
    labels: dict[int, str] = {}
    start = 0
    for shard in finished_shards(filtered):
        names = msgspec.json.decode((shard / NAMES).read_bytes(), type=list[str])
        labels |= {number: name for number, name in enumerate(names, start) if number in wanted}
        start += len(names)
    return labels
