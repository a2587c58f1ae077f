"""What a process gives up before it runs a candidate, as `confine.rs` of the Rust harness does.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from file_service import MOST  # type: ignore[import-not-found]

_TMP = "/tmp"  # noqa: S108 - the name of a mount point of its own
_MS_NOSUID_NODEV, _MS_REMOUNT_BIND_RDONLY, _MNT_DETACH = 6, 0x20 | 0x1000 | 0x2 | 0x1, 2
_CREATE_RULES, _ADD_RULE, _RESTRICT = 444, 445, 446
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_WRITING = _WRITE_FILE | sum(1 << bit for bit in range(4, 15))
"""Kinds of access of Landlock: to write, remove, make, move and cut files."""
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38

ASKS_FOR_FILES = "RUSTML_ASKS_FOR_FILES"
"""A variable that tells a host to have its files made by the tests' process."""
READY, REFUSED = b"r", b"x"
"""What a process says on its status pipe: confined and about to become the host, or not confined."""


def become_host(limits: dict[str, Any], folder: str, fds: tuple[int, int, int], program: str) -> None:
    """Turn this process into the confined host of a candidate, in the folder for its files. Never returns.

    `fds` are the ends of pipes to read from, to write to and to say its status on.
    The last gets READY alone where all went well, and is closed before the first line of the candidate runs: what
    the candidate does later, such as to exit with some code, says nothing about its confinement.
    """
    read_fd, write_fd, status_fd = fds
    os.dup2(status_fd, 66)
    try:
        os.dup2(write_fd, 64)
        os.dup2(read_fd, 3)
        os.dup2(64, 4)
        os.dup2(66, 5, inheritable=False)
        os.closerange(6, 256)
        libc = ctypes.CDLL(None, use_errno=True)
        if folder:
            os.chdir(folder)
        _limit(limits)
        if limits["scratch"]:
            _write_only(libc, folder)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        drop_capabilities(libc)
        _filter(libc, bytes.fromhex(limits["filter"]))
        os.write(5, READY)
        environment = {"PYTHONHASHSEED": "0", **({"TMPDIR": folder} if folder else {})}
        environment |= {ASKS_FOR_FILES: "1"} if limits["scratch"] else {}
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-B", program], environment)  # noqa: S606
    except BaseException:
        os.write(5, REFUSED)
        os._exit(1)


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up every capability. Raises OSError."""
    header, none = struct.pack("=II", 0x20080522, 0), bytes(24)
    _demand(libc.capset(header, none) == 0)


def confine_driver(limits: dict[str, Any], folder: str) -> None:
    """Bound the memory of the tests' own process, which reads what a candidate sends, and drop its capabilities."""
    if folder:
        os.chdir(folder)
        os.environ["TMPDIR"] = folder
    resource.setrlimit(resource.RLIMIT_DATA, (limits["memory"],) * 2)
    drop_capabilities(ctypes.CDLL(None, use_errno=True))


def _demand(condition: bool) -> None:
    if not condition:
        raise OSError(ctypes.get_errno(), "refused")


@contextmanager
def private_folder(limits: dict[str, Any]) -> Iterator[str]:
    """The folder for files of the two processes of one candidate, gone with them; empty for none. Raises OSError.

    It is a /tmp of their own or, where nothing can be mounted, one in which the tests' process makes the files of both.
    """
    if not limits["contained"]:
        yield from _shared_folder(limits["scratch"])
        return
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={limits['file_size']},nr_inodes=1024,mode=0777".encode()
    _demand(libc.mount(b"tmpfs", _TMP.encode(), b"tmpfs", _MS_NOSUID_NODEV, options) == 0)
    try:
        # The device is the machine's own: through a read-only mount its inode stays as it is.
        _demand(libc.mount(None, b"/dev/null", None, _MS_REMOUNT_BIND_RDONLY, None) == 0)
        yield _TMP
    finally:
        libc.umount2(_TMP.encode(), _MNT_DETACH)


def _shared_folder(scratch: str) -> Iterator[str]:
    if not scratch:
        yield ""
        return
    folder = f"{scratch}/files"
    os.mkdir(folder)  # noqa: PTH102 - pathlib takes longer to import than all else
    try:
        yield folder
    finally:
        for inside, folders, files in os.walk(folder, topdown=False):
            for name in files:
                os.unlink(f"{inside}/{name}")  # noqa: PTH108
            for name in folders:
                path = f"{inside}/{name}"
                (os.unlink if os.path.islink(path) else os.rmdir)(path)  # noqa: PTH114
        os.rmdir(folder)  # noqa: PTH106


def _write_only(libc: ctypes.CDLL, folder: str) -> None:
    """Give up every way to change files, but to write to /dev/null and to what lies in `folder`.

    https://docs.kernel.org/userspace-api/landlock.html
    """
    rules = libc.syscall(_CREATE_RULES, struct.pack("=Q", _WRITING), 8, 0)
    _demand(rules >= 0)
    for path in ("/dev/null", folder):
        place = os.open(path, os.O_PATH)
        rule = struct.pack("=Qi", _WRITE_FILE | _TRUNCATE, place)
        _demand(libc.syscall(_ADD_RULE, rules, 1, rule, 0) == 0)
        os.close(place)
    _demand(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    _demand(libc.syscall(_RESTRICT, rules, 0) == 0)
    os.close(rules)


def _limit(limits: dict[str, Any]) -> None:
    cpu = int(limits["cpu"]) + 1
    signal.setitimer(signal.ITIMER_PROF, limits["cpu"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    parts = MOST if limits["scratch"] else 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"] // parts,) * 2)
    resource.setrlimit(resource.RLIMIT_DATA, (limits["memory"],) * 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _filter(libc: ctypes.CDLL, code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    _demand(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    _demand(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0)
