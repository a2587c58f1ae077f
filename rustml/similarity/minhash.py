"""MinHash signatures of shingle sets, and the search for near duplicates among them.

A text is hashed as a whole in numpy, not by one `MinHash.update` per shingle: each distinct token is hashed once, and
a shingle's hash is a polynomial of its tokens' hashes. The permutations are those of `datasketch.MinHash` (scheme
`affine32`, seed 1), so its LSH index accepts the signatures; `shingle_hash` is the same hash as a
`hashfunc` for datasketch, and gives bit for bit the same signature. Signatures of another scheme, such as those of
datasketch 1.x, cannot be compared with them. Broder, "On the resemblance and containment of documents", 1997.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from rustml.similarity.tokens import tokens

SCHEME = "affine32"
SEED = 1
BLOCK = 1024
"""Shingles per block of products: the block stays in the processor's cache."""
MULTIPLIER = 0x9E3779B97F4A7C15
"""Factor of the polynomial: odd, so that no position loses bits."""
MISS = 1e-4
"""Probability that the index misses a pair exactly at the threshold: it determines the bands. Hits are verified."""

Hashes = NDArray[np.uint64]
Signature = NDArray[np.uint32]


class _TokenHashes(dict[str, int]):
    """64-bit hashes of tokens, each computed once; cleared when there are very many, to bound memory."""

    MOST = 1 << 20

    def __missing__(self, token: str) -> int:
        if len(self) >= self.MOST:
            self.clear()
        value = self[token] = xxh3_64_intdigest(token.encode())
        return value


_token_hashes = _TokenHashes()


def token_hashes(text: str) -> Hashes:
    """The hash of each token of a text, in order."""
    words = tokens(text)
    return np.fromiter(map(_token_hashes.__getitem__, words), dtype=np.uint64, count=len(words))


def runs(hashes: Hashes, size: int) -> Hashes:
    """One hash per run of `size` consecutive tokens; one for the whole text when it has fewer tokens."""
    length = min(size, len(hashes))
    if length == 0:
        return hashes
    count = len(hashes) - length + 1
    total = np.zeros(count, dtype=np.uint64)
    for start in range(length):
        total *= np.uint64(MULTIPLIER)
        total += hashes[start : start + count]
    return total


def shingle_hash(shingle: bytes) -> int:
    """32 bits of the hash of one shingle (tokens joined by spaces), as a `hashfunc` for `datasketch.MinHash`."""
    total = 0
    for token in shingle.decode().split(" "):
        total = (total * MULTIPLIER + xxh3_64_intdigest(token.encode())) & 0xFFFFFFFFFFFFFFFF
    return total >> 32


def signature(hashes: Hashes, size: int, permutations: int) -> Signature:
    """The MinHash of the shingles of `size` tokens, shape (permutations,); all bits set when there is no token."""
    mixed = _mixed((runs(hashes, size) >> np.uint64(32)).astype(np.uint32))
    slope, offset = _permutations(permutations)
    least = np.full(permutations, 0xFFFFFFFF, dtype=np.uint32)
    for start in range(0, len(mixed), BLOCK):
        products = slope[:, None] * mixed[None, start : start + BLOCK]
        products += offset[:, None]
        np.minimum(least, products.min(axis=1), out=least)
    return least


def _mixed(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The finalizer of MurmurHash3, which the scheme applies before its affine permutations."""
    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    hashes *= np.uint32(0xC2B2AE35)
    hashes ^= hashes >> np.uint32(16)
    return hashes


@cache
def _permutations(count: int) -> NDArray[np.uint32]:
    """Slopes and offsets, shape (2, count)."""
    values: NDArray[np.uint32] = MinHash(num_perm=count, seed=SEED, scheme=SCHEME).permutations
    return values


def similarity(one: Signature, other: Signature) -> float:
    """Estimated Jaccard similarity: the share of permutations with the same minimum."""
    return float(np.count_nonzero(one == other)) / len(one)


def bands(permutations: int, threshold: float) -> tuple[int, int]:
    """Bands, and rows per band: the most rows with which a pair at the threshold is missed less often than `MISS`."""
    for rows in range(permutations, 0, -1):
        count = permutations // rows
        if (1 - threshold**rows) ** count <= MISS:
            return count, rows
    return permutations, 1


class Index:
    """Signatures by key, searched by locality-sensitive hashing; every hit is verified by its estimated similarity."""

    def __init__(self, permutations: int, threshold: float) -> None:
        self._permutations, self._threshold = permutations, threshold
        self._lsh = MinHashLSH(num_perm=permutations, params=bands(permutations, threshold))
        self._signatures: dict[str, Signature] = {}

    def add(self, key: str, value: Signature) -> None:
        """Add a signature under a new key."""
        self._lsh.insert(key, self._wrapped(value), check_duplication=False)
        self._signatures[key] = value

    def matches(self, value: Signature) -> list[str]:
        """Keys whose signatures are at least as alike as the threshold, the most alike first."""
        if not self._signatures:
            return []
        scores = [(key, similarity(self._signatures[key], value)) for key in self._lsh.query(self._wrapped(value))]
        alike = sorted((-score, key) for key, score in scores if score >= self._threshold)
        return [key for _, key in alike]

    def _wrapped(self, value: Signature) -> MinHash:
        permutations = _permutations(self._permutations)
        return MinHash(seed=SEED, scheme=SCHEME, hashvalues=value, permutations=permutations)


def survivors(values: Sequence[Signature], permutations: int, threshold: float) -> list[bool]:
    """For each signature, in order of priority, whether no signature kept before it reaches the threshold."""
    index = Index(permutations, threshold)
    decisions = []
    for number, value in enumerate(values):
        decisions.append(not index.matches(value))
        if decisions[-1]:
            index.add(str(number), value)
    return decisions
