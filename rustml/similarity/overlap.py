"""The test whether a training text overlaps a problem of an evaluation bank: common runs of tokens, and MinHash.

Runs of 13 tokens are the measure of GPT-3 (Brown et al. 2020, appendix C). Tokens are compared in lower case, so that
neither layout nor punctuation nor case hides a copy.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from rustml.profile.curate import Decontamination
from rustml.records import Record, read_jsonl, write_jsonl
from rustml.similarity.minhash import Index, runs, signature, token_hashes

PERMUTATIONS = 128
MIN_TOKENS = 8
"""A protected text of fewer tokens is not searched for: `fn add(a: i32, b: i32)` occurs everywhere."""


class Protected(Record, frozen=True):
    """One text of a bank that no training record may overlap."""

    bank: str
    text: str


class Overlap:
    """An index of the protected texts of all banks."""

    def __init__(self, texts: Iterable[Protected], section: Decontamination) -> None:
        self._section = section
        self._owners: dict[int, set[str]] = {}
        self._alike = Index(PERMUTATIONS, section.threshold)
        for number, protected in enumerate(texts):
            self._add(protected, number)
        self._runs = np.array(sorted(self._owners), dtype=np.uint64)

    def _add(self, protected: Protected, number: int) -> None:
        hashes = token_hashes(protected.text.lower())
        if len(hashes) < MIN_TOKENS:
            return
        if len(hashes) >= self._section.run_tokens:
            for value in runs(hashes, self._section.run_tokens).tolist():
                self._owners.setdefault(value, set()).add(protected.bank)
        key = f"{protected.bank}\0{number}"
        self._alike.add(key, signature(hashes, self._section.shingle_tokens, PERMUTATIONS))

    def banks(self, text: str) -> list[str]:
        """Names of the banks that `text` overlaps, sorted."""
        hashes = token_hashes(text.lower())
        if len(hashes) < MIN_TOKENS:
            return []
        banks = self._by_runs(hashes)
        for key in self._alike.matches(signature(hashes, self._section.shingle_tokens, PERMUTATIONS)):
            banks.add(key.partition("\0")[0])
        return sorted(banks)

    def _by_runs(self, hashes: np.typing.NDArray[np.uint64]) -> set[str]:
        if len(hashes) < self._section.run_tokens or not len(self._runs):
            return set()
        text_runs = runs(hashes, self._section.run_tokens)
        nearest = np.minimum(np.searchsorted(self._runs, text_runs), len(self._runs) - 1)
        common = text_runs[self._runs[nearest] == text_runs]
        return {bank for value in set(common.tolist()) for bank in self._owners[value]}


def store(texts: Iterable[Protected], path: Path) -> None:
    """Write protected texts for the workers of a stage, sorted and without repeats."""
    write_jsonl(path, in_order(texts))


def in_order(texts: Iterable[Protected]) -> list[Protected]:
    """Protected texts, sorted and without repeats."""
    return sorted(set(texts), key=lambda item: (item.bank, item.text))


def digest(texts: Iterable[Protected]) -> str:
    """SHA-256, in hex, of protected texts, independent of their order."""
    return hashlib.sha256(msgspec.json.encode(in_order(texts))).hexdigest()


_stored: dict[tuple[str, Decontamination], Overlap] = {}


def stored(path: str, section: Decontamination) -> Overlap:
    """The index of the texts that `store` wrote to `path`, built once per process."""
    key = (path, section)
    if key not in _stored:
        _stored.clear()
        _stored[key] = Overlap(read_jsonl(Path(path), Protected), section)
    return _stored[key]
