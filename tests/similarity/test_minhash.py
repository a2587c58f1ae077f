"""MinHash: bit for bit datasketch's signature of the same hash, and the same survivors as comparing all with all."""

import random

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st

from rustml.similarity.minhash import (
    MISS,
    SCHEME,
    SEED,
    Index,
    bands,
    runs,
    shingle_hash,
    signature,
    similarity,
    survivors,
    token_hashes,
)
from rustml.similarity.tokens import tokens

TEXTS = st.lists(st.sampled_from(["fn", "let", "x", "größe", "i32", "日本", "+", "\n"]), max_size=40).map(" ".join)


@given(text=TEXTS, size=st.integers(1, 9))
def test_the_signature_is_datasketchs_own(text: str, size: int) -> None:
    words = tokens(text)
    one_by_one = MinHash(num_perm=32, seed=SEED, scheme=SCHEME, hashfunc=shingle_hash)
    for start in range(max(len(words) - size + 1, 1) if words else 0):
        one_by_one.update(" ".join(words[start : start + size]).encode())
    np.testing.assert_array_equal(signature(token_hashes(text), size, 32), one_by_one.hashvalues)


@given(text=TEXTS, size=st.integers(1, 9))
def test_runs_are_equal_exactly_where_their_tokens_are(text: str, size: int) -> None:
    words = tokens(text)
    width = min(size, len(words))
    windows = [tuple(words[start : start + width]) for start in range(len(words) - width + 1)] if words else []
    hashed = runs(token_hashes(text), size).tolist()
    assert len(hashed) == len(windows)
    assert len(set(zip(windows, hashed, strict=True))) == len(set(hashed)) == len(set(windows))


def family(rng: random.Random, count: int) -> list[str]:
    """Texts of which many are edited copies of others, in all degrees."""
    base = [[f"t{rng.randrange(400)}" for _ in range(120)] for _ in range(6)]
    texts = []
    for _ in range(count):
        words = list(rng.choice(base))
        for _ in range(rng.choice([0, 0, 1, 2, 4, 10, 30])):
            words[rng.randrange(len(words))] = f"edit{rng.randrange(1000)}"
        texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize("seed", range(4))
def test_survivors_are_those_of_comparing_all_with_all(seed: int) -> None:
    signed = [signature(token_hashes(text), 7, 128) for text in family(random.Random(seed), 120)]
    kept: list[int] = []
    for number, value in enumerate(signed):
        if all(similarity(signed[earlier], value) < 0.85 for earlier in kept):
            kept.append(number)
    assert [number for number, keep in enumerate(survivors(signed, 128, 0.85)) if keep] == kept
    assert 6 <= len(kept) < 120


@given(threshold=st.floats(0.3, 0.98), permutations=st.sampled_from([64, 128, 256]))
def test_bands_overlook_hardly_anything_at_the_threshold(threshold: float, permutations: int) -> None:
    count, rows = bands(permutations, threshold)
    assert count * rows <= permutations
    assert (1 - threshold**rows) ** count <= MISS or rows == 1


def test_estimates_are_near_the_true_similarity() -> None:
    words = [f"w{number}" for number in range(1000)]
    one, other = " ".join(words[:800]), " ".join(words[200:])
    estimate = similarity(signature(token_hashes(one), 1, 512), signature(token_hashes(other), 1, 512))
    assert estimate == pytest.approx(0.6, abs=0.1)


def test_the_first_in_order_wins_and_the_match_is_named() -> None:
    index = Index(64, 0.8)
    value = signature(token_hashes("a b c d e f g h"), 2, 64)
    assert index.matches(value) == []
    index.add("first", value)
    assert index.matches(value) == ["first"]
    assert index.matches(signature(token_hashes("q r s t u v w"), 2, 64)) == []
