"""Commands end when they are told to, with all that they started, and are never waited for in vain."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from rustml.errors import JudgeFault
from rustml.sandbox.processes import Completed, Processes
from tests.support.processes import until

LONG = 60.0


def closed_while_running(argv: Sequence[str], ready: Path) -> tuple[Completed, float]:
    """How the command ended that is running when its owner closes, and how many seconds that took."""
    processes, ended = Processes(), list[Completed]()
    thread = threading.Thread(target=lambda: ended.append(processes.run(argv, seconds=LONG)))
    thread.start()
    until(ready.exists)
    started = time.monotonic()
    processes.close()
    thread.join()
    return ended[0], time.monotonic() - started


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("touch {ready}; sleep 60", id="a child of the same session"),
        pytest.param("setsid sh -c 'touch {ready}; sleep 60' & wait", id="a child in a session of its own"),
        pytest.param("setsid sh -c 'setsid sh -c \"touch {ready}; sleep 60\" & wait' & wait", id="a grandchild"),
    ],
)
def test_closing_ends_a_command_with_what_has_left_its_session(tmp_path: Path, script: str) -> None:
    ready = tmp_path / "ready"
    result, seconds = closed_while_running(["sh", "-c", script.format(ready=ready)], ready)
    assert result.returncode == -9
    assert not result.expired
    assert seconds < LONG / 2


def test_time_ends_what_has_left_the_session_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    result = Processes().run(["sh", "-c", f"setsid sh -c 'echo $$ > {pid}; exec sleep 60' & wait"], seconds=3)
    assert result.expired
    until(lambda: not Path(f"/proc/{int(pid.read_text())}/exe").exists(), 20)


def test_a_closed_owner_starts_nothing() -> None:
    processes = Processes()
    processes.close()
    with pytest.raises(JudgeFault, match="closed"):
        processes.run(["true"], seconds=LONG)


def test_what_a_command_leaves_in_its_group_ends_with_it_and_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    result = Processes().run(["sh", "-c", f"(echo $$ > {pid}; exec sleep 60) & echo done"], seconds=LONG)
    assert (result.returncode, result.stdout, result.expired) == (0, b"done\n", False)
    assert result.seconds < LONG / 2
    until(lambda: not _in_group(int(pid.read_text())), 20)


def _in_group(group: int) -> list[str]:
    """Processes of a group that run: fields 3 and 5 of proc(5)'s stat are the state and the group."""
    fields = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
    return [words[0] for words in fields if int(words[2]) == group and words[0] != "Z"]
