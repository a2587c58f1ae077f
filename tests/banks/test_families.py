"""The tiny families: deterministic, balanced, split by meaning, right in both languages."""

import re
import subprocess
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustml.banks.families import FAMILIES, draw
from rustml.errors import InputError
from rustml.records import Problem


def _task(problem: Problem) -> tuple[str, str, str]:
    """What a problem asks, free of its language."""
    words = problem.instruction.split(" function that ", 1)[1].split("\n", 1)[0]
    return problem.tags["family"], problem.entry_point, words


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9), few=st.integers(0, 150))
def test_a_draw_is_deterministic_and_a_smaller_one_is_its_prefix(seed: int, few: int) -> None:
    assert draw("rust", "train", few, seed) == draw("rust", "train", 150, seed)[:few]


def test_both_languages_get_the_same_tasks_one_by_one() -> None:
    for split in ("train", "dev", "test"):
        rust, python = draw("rust", split, 200, 5), draw("python", split, 200, 5)
        assert [_task(problem) for problem in rust] == [_task(problem) for problem in python]


def test_no_task_of_a_held_out_split_is_in_another_whatever_the_seed_or_language() -> None:
    def meaning(problem: Problem) -> tuple[str, str]:
        body = problem.reference.split("\n", 1)[1]
        return problem.tags["family"], body

    train = {meaning(p) for p in draw("python", "train", 6_000, 1)}
    dev = {meaning(p) for seed in (1, 2) for p in draw("python", "dev", 300, seed)}
    test = {meaning(p) for seed in (1, 2) for p in draw("python", "test", 300, seed)}
    assert not train & dev
    assert not train & test
    assert not dev & test


def test_held_out_problems_may_not_be_trained_on() -> None:
    assert all(problem.trainable for problem in draw("rust", "train", 50, 0))
    assert not any(problem.trainable for split in ("dev", "test") for problem in draw("rust", split, 50, 0))


def test_a_draw_repeats_no_question_and_no_id() -> None:
    problems = draw("python", "train", 6_000, 3)
    assert len({(p.instruction, p.reference) for p in problems}) == len(problems)
    assert len({p.id for p in problems}) == len(problems)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_held_out_splits_hold_300_problems_balanced_over_families(split: str) -> None:
    counts = Counter(problem.tags["family"] for problem in draw("rust", split, 300, 17))
    assert set(counts) == set(FAMILIES)
    assert max(counts.values()) - min(counts.values()) <= 4


def test_asking_for_more_than_there_is_says_how_many_there_are() -> None:
    with pytest.raises(InputError, match=r"1 tiny families hold \d+ dev problems, fewer than 5000: set bank\.\w+_dev"):
        draw("rust", "dev", 5000, 0, families=["length_is"])


def test_named_families_alone_are_drawn_and_an_unknown_name_is_refused() -> None:
    assert {p.tags["family"] for p in draw("rust", "test", 20, 0, ["clamp", "fizz"])} == {"clamp", "fizz"}
    with pytest.raises(InputError, match="no tiny family clam; there are: map_int"):
        draw("rust", "test", 20, 0, ["clam"])


def test_prompts_and_answers_stay_small_enough_for_a_tiny_model() -> None:
    problems = draw("rust", "train", 2_000, 11)
    assert max(len(problem.instruction) for problem in problems) <= 300
    assert max(len(problem.reference) for problem in problems) <= 330


def test_no_function_has_the_name_of_its_parameter_or_of_a_variable_of_the_tests() -> None:
    for problem in draw("rust", "train", 6_000, 8):
        parameters = re.findall(r"(\w+):", problem.signature)
        assert problem.entry_point not in (*parameters, "cases", "want")


def test_every_python_reference_passes_its_own_tests() -> None:
    for problem in draw("python", "train", 1_000, 2):
        exec(problem.reference + problem.tests, {})


def test_every_rust_reference_is_laid_out_as_rustfmt_lays_it_out() -> None:
    source = "\n".join(problem.reference for problem in draw("rust", "train", 600, 4))
    formatted = subprocess.run(
        ["rustfmt", "--edition", "2021"], input=source, capture_output=True, text=True, check=True, timeout=60
    )
    assert formatted.stdout == source
