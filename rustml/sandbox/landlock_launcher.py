"""Gives up what a command must not have, and becomes it. Run as a program by `landlock.py`; imports nothing of rustml.

The first argument is JSON: `read` and `write` (paths), `work`, `environment`, `filters` (seccomp programs in
hexadecimal digits), `spawns`; the others are the command. Exit code 95 says that something could not be given up:
then nothing was started.
https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import json
import os
import stat
import struct
import sys
from typing import Any

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ALL_ACCESS, _ALL_NETWORK, _ALL_SCOPES = (1 << 16) - 1, 0b11, 0b11
"""ABI 5: 16 kinds of access to files; ABI 4: to bind and connect TCP; ABI 6: abstract sockets and signals."""
_READ = 0b1101
"""Execute, read a file, list a folder."""
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_MAKE_DEVICES = (1 << 6) | (1 << 11) | (1 << 9)
_PR_CAPBSET_DROP, _CAPABILITY_VERSION = 24, 0x20080522
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SIGKILL = 1, 22, 38, 9
_IGNORED_BY_PYTHON = (13, 25)
"""SIGPIPE and SIGXFSZ: a program would inherit that."""
REFUSED = 95


def main() -> None:
    """Restrict this process and become the command."""
    try:
        wanted = json.loads(sys.argv[1])
        libc = ctypes.CDLL(None, use_errno=True)
        if wanted["spawns"]:
            _go_on_in_a_child(libc)
        _demand(libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0) == 0)
        _demand(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        for number in _IGNORED_BY_PYTHON:
            libc.signal(number, None)
        os.chdir(wanted["work"])
        _restrict_files(libc, wanted)
        _drop_capabilities(libc)
        for code in wanted["filters"]:
            _filter_calls(libc, bytes.fromhex(code))
    except BaseException as error:
        os.write(2, f"landlock: {error}\n".encode())
        os._exit(REFUSED)
    try:
        os.execve(sys.argv[2], sys.argv[2:], wanted["environment"])  # noqa: S606 - the command to start
    except OSError as error:
        os.write(2, f"landlock: {sys.argv[2]}: {error}\n".encode())
        os._exit(REFUSED)


def _go_on_in_a_child(libc: ctypes.CDLL) -> None:
    """Leave the command to a child. This process waits for it outside the sandbox, and ends as the child does.

    Where the judge is gone, it ends its process group: nothing inside can leave the group.
    """
    import signal  # noqa: PLC0415 - takes time, and most commands start no process

    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, _SIGKILL))
    _demand(libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) == 0)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        if -code != _SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _demand(condition: bool) -> None:
    if not condition:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _restrict_files(libc: ctypes.CDLL, wanted: dict[str, Any]) -> None:
    attributes = struct.pack("=QQQ", _ALL_ACCESS, _ALL_NETWORK, _ALL_SCOPES)
    rules = libc.syscall(_CREATE, attributes, len(attributes), 0)
    _demand(rules >= 0)
    for path in wanted["read"]:
        _allow(libc, rules, path, _READ)
    for path in wanted["write"]:
        _allow(libc, rules, path, _ALL_ACCESS & ~_MAKE_DEVICES & ~_IOCTL)
    _allow(libc, rules, "/dev/null", 0b110 | _TRUNCATE)
    _demand(libc.syscall(_RESTRICT, rules, 0) == 0)
    os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        access &= 0b111 | _TRUNCATE
    rule = struct.pack("=Qi", access, descriptor)
    _demand(libc.syscall(_ADD, rules, 1, rule, 0) == 0)
    os.close(descriptor)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Those of root: with an empty bounding set, no program that it starts gets them back."""
    for capability in range(64):
        libc.prctl(
            _PR_CAPBSET_DROP, capability, 0, 0, 0
        )  # fails for numbers that are none, and for a user who has none
    header, none = struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)
    _demand(libc.capset(header, none) == 0)


def _filter_calls(libc: ctypes.CDLL, code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    _demand(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0)


if __name__ == "__main__":
    main()
