"""Code that tries to hurt the judge or its neighbours gets the right status, and leaves nothing behind."""

import os
from pathlib import Path

import pytest

from rustml.judge import Judge
from rustml.records import Verdict
from tests.support.bombs import BOMBS
from tests.support.judge_cases import LIMITS, RIGHT, candidate


@pytest.fixture(scope="module", params=["judge", "landlock_judge"])
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    judge: Judge = request.getfixturevalue(request.param)
    bombs = [candidate(code, name) for name, (code, _) in BOMBS.items()]
    honest = [candidate(RIGHT + f"// {number}\n", f"honest {number}") for number in range(len(bombs))]
    mixed = [one for pair in zip(bombs, honest, strict=True) for one in pair]
    return {verdict.id: verdict for verdict in judge.judge(mixed)}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_gets_its_status(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status in BOMBS[name][1], verdicts[name]


def test_neighbours_of_bombs_pass(verdicts: dict[str, Verdict]) -> None:
    assert {verdicts[name].status for name in verdicts if name.startswith("honest")} == {"passed"}


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = children()
    with Judge(LIMITS, workers=2) as judge:
        judge.judge([candidate(BOMBS[name][0], name) for name in ("process bomb", "endless loop", "disk fill")])
    assert list(tmp_path.iterdir()) == []
    assert children() <= before


def children() -> set[int]:
    """Every process below this one."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found, fresh = set(), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        found |= fresh
    return found
