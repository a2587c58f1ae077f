"""Decontamination: a copied run is found wherever it stands, an unrelated text never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.profile.curate import Decontamination
from rustml.similarity.overlap import Overlap, Protected

SECTION = Decontamination(run_tokens=13, threshold=0.8, shingle_tokens=3)
PROBLEM = " ".join(f"word{number}" for number in range(40))
OTHER = " ".join(f"other{number}" for number in range(40))
BANKS = Overlap([Protected(bank="one", text=PROBLEM), Protected(bank="two", text=OTHER)], SECTION)


@given(start=st.integers(0, 27), before=st.lists(st.sampled_from("abc"), max_size=50), size=st.integers(13, 40))
def test_a_run_of_thirteen_tokens_is_found_anywhere(start: int, before: list[str], size: int) -> None:
    copied = PROBLEM.split()[start : start + size]
    assert BANKS.banks(" ".join([*before, *copied, *before])) == ["one"]


@given(
    start=st.integers(0, 28), size=st.integers(0, 12), around=st.lists(st.sampled_from("abc"), min_size=30, max_size=50)
)
def test_a_shorter_run_is_not(start: int, size: int, around: list[str]) -> None:
    assert BANKS.banks(" ".join([*around, *PROBLEM.split()[start : start + size], *around])) == []


def test_layout_case_and_punctuation_do_not_hide_a_copy() -> None:
    assert BANKS.banks(PROBLEM.upper().replace(" ", ";\n\t")) == ["one"]


def test_a_text_that_overlaps_two_banks_names_both() -> None:
    assert BANKS.banks(f"{OTHER} and {PROBLEM}") == ["one", "two"]


def test_an_edited_copy_without_a_long_run_is_found_by_minhash() -> None:
    words = [f"w{number}" for number in range(120)]
    overlap = Overlap([Protected(bank="one", text=" ".join(words))], SECTION)
    edited = [word if number % 12 else f"{word}x" for number, word in enumerate(words)]
    section = Decontamination(run_tokens=13, threshold=0.5, shingle_tokens=3)
    loose = Overlap([Protected(bank="one", text=" ".join(words))], section)
    assert overlap.banks(" ".join(edited)) == []
    assert loose.banks(" ".join(edited)) == ["one"]


@pytest.mark.parametrize("text", ["", "true", "fn add a i32 b i32"])
def test_short_texts_belong_to_nobody(text: str) -> None:
    assert Overlap([Protected(bank="one", text=text)], SECTION).banks(text) == []


def test_no_banks_at_all() -> None:
    assert Overlap([], SECTION).banks(PROBLEM) == []
