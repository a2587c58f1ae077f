"""The working folder of a stage key, held by one process at a time.

Two processes that come to the same key would write the same files. The second waits, and then finds the first one's
finished run. The kernel releases the lock when its holder ends, however it ends, so that no lock is ever stale.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from rustml.runs.processes import process_name

LOCKS = "locks"
"""Folder of the lock files, beside the working folders. A file without holder locks nothing."""


class Hold:
    """A working folder that this process holds."""

    def __init__(self, folder: Path, file: TextIO) -> None:
        self.folder, self._file = folder, file
        self.note("")

    def note(self, run_id: str) -> None:
        """Say to those who wait which run works here."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"process {process_name()}{f', run {run_id}' if run_id else ''}")
        self._file.flush()


@contextmanager
def hold(folder: Path, *, wait: bool) -> Iterator[Hold]:
    """Hold `folder`. Where another process does, wait for it and say for whom, or without `wait` take a folder beside.

    The folder itself is not made here.
    """
    file, held = _locked(folder, wait=wait)
    try:
        yield Hold(held, file)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
        file.close()


def _locked(folder: Path, *, wait: bool) -> tuple[TextIO, Path]:
    number, held = 1, folder
    while True:
        file = _lock_file(held)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait:
                holder = file.read() or "another process"
                click.echo(f"  {folder.name}: {holder} works on the same key; waiting for it", err=True)
                fcntl.flock(file, fcntl.LOCK_EX)
                return file, held
            file.close()
            number += 1
            held = folder.with_name(f"{folder.name}-{number}")
        else:
            return file, held


def _lock_file(folder: Path) -> TextIO:
    path = folder.parent / LOCKS / f"{folder.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+", encoding="utf-8")
