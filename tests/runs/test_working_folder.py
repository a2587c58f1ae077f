"""One process at a time works in the folder of a stage key. Threads stand for processes: each opens the lock anew."""

import sys
import threading
from pathlib import Path

import pytest

from rustml.runs import stage_runs, working_folder
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.runs.working_folder import hold
from tests.runs.test_tracking import PROFILE

STAGE = Stage("made", ("quantize",), "rustml.errors")


def test_without_waiting_the_next_one_works_beside(tmp_path: Path) -> None:
    folder = tmp_path / "bank-abc"
    with hold(folder, wait=False) as first, hold(folder, wait=False) as second:
        assert (first.folder, second.folder) == (folder, tmp_path / "bank-abc-2")
    with hold(folder, wait=False) as again:
        assert again.folder == folder


def test_an_exception_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), hold(tmp_path / "f", wait=True):
        raise ValueError("broken")
    with hold(tmp_path / "f", wait=False) as again:
        assert again.folder == tmp_path / "f"


def test_the_second_waits_says_for_whom_and_takes_over_the_finished_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one's body ends only after the second has said that it waits."""
    waits, runs, calls = threading.Event(), [], []

    def told(text: str, **_: object) -> None:
        sys.stdout.write(text)
        waits.set()

    def body(space: Workspace) -> Outcome:
        calls.append(space)
        second.start()
        assert waits.wait(60), "the second process went on beside the first"
        (space.out / "made").write_text("once")
        return Outcome()

    def run() -> None:
        runs.append(stage_runs.run_stage(STAGE, PROFILE, body))

    second = threading.Thread(target=run)
    monkeypatch.setattr(working_folder.click, "echo", told)
    run()
    second.join()
    assert len(calls) == 1
    assert [done.reused for done in sorted(runs, key=lambda done: done.reused)] == [False, True]
    assert runs[0].run_id == runs[1].run_id
    line = capsys.readouterr().out
    assert f"run {runs[0].run_id} works on the same key; waiting for it" in line
