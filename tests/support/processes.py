"""Kill a stage for real, at a chosen point, and wait for what a process does."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def kill_at(program: str, words: list[str], out: Path, mark: str) -> dict[str, int]:
    """Run a Python program, SIGKILL it when `out/mark` is there, and return the shards that were whole by their time.

    Its output lies in `out`. Fails where the program ended before, since nothing would have been killed.
    """
    with subprocess.Popen([sys.executable, "-c", program, *words], cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 240
        while not (out / mark).exists():
            assert process.poll() is None, f"it ended before {mark}"
            assert time.monotonic() < deadline
            time.sleep(0.0005)
        process.kill()
        time.sleep(1.5)  # its workers end with it, each within a moment
    assert process.returncode == -9, f"it ended by itself after {mark}"
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.rglob("[0-9]" * 5) if path.is_dir()}


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until it holds. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
