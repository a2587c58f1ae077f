"""Stages in child processes: what they return and raise arrives, and none outlives the lifecycle."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rustml.errors import GateRefused, RustmlError
from rustml.profile import load
from rustml.stages import children

MODULE = "tests.support.stages"
PROFILE = load("tiny")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork server without the heavy libraries, which these stages do not need."""
    monkeypatch.setattr(children, "PRELOADED", [])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: object, seconds: float = 30.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_stage_returns_arrives_from_another_process() -> None:
    done = children.call(MODULE, PROFILE, {"how": "finish"})
    assert done.digest == "tiny"
    assert done.run_id != f"run-{os.getpid()}"


def test_a_refusal_arrives_as_itself() -> None:
    with pytest.raises(GateRefused, match=r"rust\.pass fell"):
        children.call(MODULE, PROFILE, {"how": "refuse"})


def test_a_full_disk_arrives_with_its_number_and_file() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        children.call(MODULE, PROFILE, {"how": "no disk"})
    assert (caught.value.errno, caught.value.filename) == (28, "/full/disk")


def test_an_exception_that_cannot_be_sent_arrives_as_its_text() -> None:
    with pytest.raises(RuntimeError, match="library trouble") as caught:
        children.call(MODULE, PROFILE, {"how": "odd"})
    assert "stages.py" in str(caught.value), "where it was raised is part of the text"


@pytest.mark.parametrize(("how", "code"), [("die", "-9"), ("exit", "7")])
def test_a_death_without_a_word_names_stage_and_code(how: str, code: str) -> None:
    with pytest.raises(RustmlError, match=rf"{MODULE} died \(exit code {code}\).*resumes"):
        children.call(MODULE, PROFILE, {"how": how})


def test_leaving_by_ctrl_c_ends_the_child_and_lets_it_clean_up(tmp_path: Path) -> None:
    note = tmp_path / "note"

    def interrupt() -> None:
        eventually(note.exists)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        children.call(MODULE, PROFILE, {"how": "hang", "note": str(note)})
    assert not alive(int(note.read_text()))
    assert note.with_suffix(".ended").read_text() == "cleaned up"


def test_a_killed_parent_takes_the_child_with_it(tmp_path: Path) -> None:
    note = tmp_path / "note"
    script = (
        "from rustml.stages import children\nfrom rustml.profile import load\n"
        "children.PRELOADED = []\n"
        f"children.call({MODULE!r}, load('tiny'), {{'how': 'hang', 'note': {str(note)!r}}})\n"
    )
    places = str(ROOT)
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": places})
    eventually(note.exists)
    child = int(note.read_text())
    assert alive(child)
    parent.kill()
    parent.wait()
    eventually(lambda: not alive(child))
