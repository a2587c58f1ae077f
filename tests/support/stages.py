"""What a stage in a child process may do: finish, fail in several ways, die, or never end."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from rustml.errors import GateRefused
from rustml.profile import Profile
from rustml.runs.tracking import Finished


class Unpicklable(Exception):
    def __init__(self, text: str, more: object) -> None:
        super().__init__(text)
        self.more = lambda: more


def run(profile: Profile, *, how: str, note: str = "") -> Finished:
    actions: dict[str, Any] = {
        "refuse": lambda: _raise(GateRefused("rust.pass fell")),
        "no disk": lambda: _raise(OSError(28, "No space left on device", "/full/disk")),
        "odd": lambda: _raise(Unpicklable("library trouble", profile)),
        "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "exit": lambda: os._exit(7),
        "hang": lambda: _hang(Path(note)),
    }
    if how in actions:
        actions[how]()
    return Finished(f"run-{os.getpid()}", profile.name, {"how": 1.0}, {}, 0.5)


def _raise(error: BaseException) -> None:
    raise error


def _hang(note: Path) -> None:
    note.with_suffix(".partial").write_text(str(os.getpid()))
    note.with_suffix(".partial").rename(note)
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        note.with_suffix(".ended").write_text("cleaned up")
        raise
