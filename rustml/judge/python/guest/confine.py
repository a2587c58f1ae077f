"""What a process gives up before it runs a candidate, as `confine.rs` of the Rust harness does.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from typing import Any

REFUSED = 97  # the judge calls it NOT_CONFINED (sandbox/exit_codes.py)
_TMP = "/tmp"  # noqa: S108 - the name of a mount point of its own
_CLONE_NEWNS, _MS_NOSUID_NODEV = 0x00020000, 6
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38


def become_host(limits: dict[str, Any], read_fd: int, write_fd: int, program: str) -> None:
    """Turn this process into the confined host of a candidate. Never returns."""
    try:
        os.dup2(write_fd, 64)
        os.dup2(read_fd, 3)
        os.dup2(64, 4)
        os.closerange(5, 256)
        libc = ctypes.CDLL(None, use_errno=True)
        if limits["contained"]:
            _private_tmp(libc, limits["file_size"])
        _limit(limits)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        header, none = struct.pack("=II", 0x20080522, 0), bytes(24)
        _demand(libc.capset(header, none) == 0)
        _filter(libc, bytes.fromhex(limits["filter"]))
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-B", program], {"PYTHONHASHSEED": "0"})  # noqa: S606
    except BaseException:
        os._exit(REFUSED)


def _demand(condition: bool) -> None:
    if not condition:
        raise OSError(ctypes.get_errno(), "refused")


def _private_tmp(libc: ctypes.CDLL, size: int) -> None:
    _demand(libc.unshare(_CLONE_NEWNS) == 0)
    options = f"size={size},nr_inodes=1024,mode=0777".encode()
    _demand(libc.mount(b"tmpfs", _TMP.encode(), b"tmpfs", _MS_NOSUID_NODEV, options) == 0)
    os.chdir(_TMP)


def _limit(limits: dict[str, Any]) -> None:
    cpu = int(limits["cpu"]) + 1
    signal.setitimer(signal.ITIMER_PROF, limits["cpu"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"],) * 2)
    resource.setrlimit(resource.RLIMIT_DATA, (limits["memory"],) * 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _filter(libc: ctypes.CDLL, code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    _demand(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    _demand(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0)
