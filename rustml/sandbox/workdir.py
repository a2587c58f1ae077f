"""The judge's working folder: locked while its owner lives, swept by the next judge where its owner was killed."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rustml.errors import EnvironmentFault

PREFIX = "rustml-judge-"
_LOCK = "lock"
_UNBORN_SECONDS = 60
"""A folder without a lock that is older than this was never finished: its maker died between the two steps."""


class WorkingFolder:
    """A private folder under the system's temporary folder. The kernel gives its lock back when the process dies."""

    def __init__(self) -> None:
        """Make the folder. Raises EnvironmentFault where the disk refuses."""
        try:
            self.path, self._lock = _locked_folder()
        except OSError as error:
            raise EnvironmentFault(
                f"cannot make a working folder in {tempfile.gettempdir()}: {error.strerror}; "
                "free some space there, or let TMPDIR name another folder"
            ) from error

    def remove(self) -> None:
        """Remove the folder with all that it holds. A second call does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@contextlib.contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """A folder for untrusted code to write to, removed afterwards with all that it holds, deep or closed."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        if any(folder.iterdir()):
            words = ["sh", "-c", 'chmod -R u+rwx -- "$0"; rm -rf -- "$0"', str(folder)]
            subprocess.run(words, capture_output=True, check=False)
        else:
            folder.rmdir()


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = -1
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink == 1:
                return folder, lock
        except (BlockingIOError, FileNotFoundError):
            pass  # another judge took the folder for a dead one's in the moment before it was locked: make another
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if lock >= 0:
            os.close(lock)


def sweep() -> list[str]:
    """Remove the working folders of this user whose owners are dead, and return their names."""
    swept = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if folder.is_dir() and not folder.is_symlink() and status.st_uid == os.getuid() and _remove_dead(folder):
                swept.append(folder.name)
    return swept


def _remove_dead(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        unborn = time.time() - folder.lstat().st_mtime > _UNBORN_SECONDS
        if unborn:
            shutil.rmtree(folder, ignore_errors=True)
        return unborn
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)
