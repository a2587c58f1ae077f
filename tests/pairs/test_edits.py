"""Verified changes become records beside the documented functions', split by file like them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.pairs.build import Besides, build
from rustml.profile.pairs import PairsSection
from rustml.records import Edit, Origin, Pair, read_jsonl, write_jsonl
from rustml.similarity.overlap import Protected
from rustml.tasks import EDIT_TASKS

Section = Callable[..., PairsSection]
Curated = Callable[..., Path]
WEIGHTS = dict.fromkeys(EDIT_TASKS, 1.0)


def changes(folder: Path, count: int = 40) -> Path:
    """Changes of functions in as many files."""
    edits = [
        Edit(
            id=f"{number:016x}",
            task=list(EDIT_TASKS)[number % len(EDIT_TASKS)],
            origin=Origin(kind="crate", name=f"e{number}", licence="MIT", version="1.0.0", path="src/lib.rs"),
            span=(10, 90),
            before=f"fn total_{number}(of: &[u64]) -> u64 {{\n    return of.iter().map(|x| x * {number}).sum();\n}}",
            after=f"fn total_{number}(of: &[u64]) -> u64 {{\n    of.iter().map(|x| x * {number}).sum()\n}}",
            notes=(f"note {number}",),
        )
        for number in range(count)
    ]
    write_jsonl(folder / "edits.jsonl", edits)
    return folder / "edits.jsonl"


def records(out: Path, *parts: str) -> list[Pair]:
    found = (pair for part in parts for pair in read_jsonl(out / f"{part}.jsonl", Pair))
    return [pair for pair in found if pair.task in EDIT_TASKS]


def test_changes_are_records_with_their_notes_place_and_licence(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    wide = section(tasks=WEIGHTS | {"completion": 1.0}, holdout_percent=20.0)
    edits = changes(tmp_path)
    build(wide, curated(texts[:8]), tmp_path / "out", protected=[], workers=1, besides=Besides(edits=edits))
    train, held = records(tmp_path / "out", "train", "validation"), records(tmp_path / "out", "holdout")
    assert len(train) + len(held) == 40
    assert 0 < len(held) < 20
    pair = next(pair for pair in train if pair.task == "clippy_fix")
    number = int(pair.origin.name[1:])
    assert f"note {number}" in pair.instruction
    assert "return of.iter()" in pair.instruction
    assert "return" not in pair.answer
    assert (pair.span, pair.origin.licence) == ((10, 90), "MIT")


def test_a_weight_takes_a_share_of_the_changes(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    some = section(tasks={"completion": 1.0, "clippy_fix": 0.5})
    besides = Besides(edits=changes(tmp_path, 20 * len(EDIT_TASKS)))
    build(some, curated(texts[:4]), tmp_path / "out", protected=[], workers=1, besides=besides)
    made = records(tmp_path / "out", "train", "validation", "holdout")
    assert {pair.task for pair in made} == {"clippy_fix"}
    assert 4 <= len(made) <= 16


def test_a_change_that_overlaps_a_bank_makes_no_record(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    edits = changes(tmp_path)
    secret = next(read_jsonl(edits, Edit)).after
    tasks = section(tasks=WEIGHTS | {"completion": 1.0})
    guard = [Protected(bank="humaneval", text=secret)]
    report = build(
        tasks, curated(texts[:4]), tmp_path / "out", protected=guard, workers=1, besides=Besides(edits=edits)
    )
    assert report.contaminated["humaneval"] >= 1
    assert secret not in "".join(pair.answer for pair in records(tmp_path / "out", "train", "validation", "holdout"))


def test_a_weight_without_changes_is_refused(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"pairs\.tasks\.clippy_fix .*run `edits`"):
        build(section(tasks=WEIGHTS), curated(texts[:4]), tmp_path / "out", protected=[], workers=1)
