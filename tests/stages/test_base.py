"""What a base that is trained from scratch learns from."""

from pathlib import Path

import msgspec
import pytest

from rustml.profile import load
from rustml.profile.base import ScratchBase
from rustml.records import Origin, Pair, write_jsonl
from rustml.stages.base import _parts
from tests.support.toy_models import problem

CRATES, PIECES = 5, 20


@pytest.fixture
def section(tmp_path: Path) -> ScratchBase:
    write_jsonl(tmp_path / "python-train.jsonl", [problem(number) for number in range(30)])
    write_jsonl(tmp_path / "rust-train.jsonl", [problem(number) for number in range(30)])
    pieces = [
        Pair(id=f"{crate}.{piece}", task="raw", instruction="", answer=f"{crate}.{piece}", origin=origin(crate))
        for crate in range(CRATES)
        for piece in range(PIECES)
    ]
    write_jsonl(tmp_path / "raw.jsonl", pieces)
    base = load("tiny").base
    assert isinstance(base, ScratchBase)
    return msgspec.structs.replace(base, python_pairs=12, noisy_rust_pairs=10, raw_rust=PIECES)


def origin(crate: int) -> Origin:
    return Origin(kind="crate", name=f"crate{crate}", licence="MIT")


def test_raw_pieces_come_from_the_whole_corpus_and_not_from_its_first_crates(
    section: ScratchBase, tmp_path: Path
) -> None:
    raw = _parts(section, 17, tmp_path, tmp_path)["raw_rust"]
    assert len(set(raw)) == PIECES
    assert {text.partition(".")[0] for _, text in raw} == {str(crate) for crate in range(CRATES)}


def test_the_seed_decides_what_is_drawn(section: ScratchBase, tmp_path: Path) -> None:
    first, again, other = (_parts(section, seed, tmp_path, tmp_path) for seed in (17, 17, 18))
    assert first == again
    for part in ("python", "raw_rust"):
        assert len(first[part]) == len(other[part])
        assert set(first[part]) != set(other[part])


def test_noisy_tasks_leave_the_prompts_at_the_end_of_their_file_alone(section: ScratchBase, tmp_path: Path) -> None:
    noisy = _parts(section, 17, tmp_path, tmp_path)["noisy_rust"]
    assert {question for question, _ in noisy} == {problem(number).instruction for number in range(10)}
