"""What a process gives up before it runs a candidate: the Python twin of the Rust harness's `confine`.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from typing import Any

REFUSED = 97
_TMP = "/tmp"  # noqa: S108 - the name of a mount point of its own
_CLONE_NEWNS, _MS_NOSUID_NODEV = 0x00020000, 6
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38

# Architecture, capset, clone, and the calls that reach for another process, another program's rights, or the net:
# socket, socketpair, fork, vfork, kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, ptrace, mount, umount2,
# pivot_root, chroot, keyctl, unshare, setns, perf_event_open, process_vm_readv, process_vm_writev, bpf, userfaultfd,
# pidfd_open, pidfd_send_signal, pidfd_getfd, io_uring_setup
_CALLS = {
    "x86_64": (0xC000003E, 126, 56, (41, 53, 57, 58, 62, 200, 234, 129, 297, 101, 165, 166, 155, 161, 250, 272, 308,
                                     298, 310, 311, 321, 323, 434, 424, 438, 425)),
    "aarch64": (0xC00000B7, 91, 220, (198, 199, 129, 130, 131, 138, 240, 117, 40, 39, 41, 51, 219, 97, 268, 241, 270,
                                      271, 280, 282, 434, 424, 438, 425)),
}  # fmt: skip
_CLONE3 = 435
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050000 | 38
_CLONE_THREAD = 0x00010000


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
        architecture, capset, clone, refused = _CALLS[platform.machine()]
        header, none = struct.pack("=II", 0x20080522, 0), bytes(24)
        _demand(libc.syscall(ctypes.c_long(capset), header, none) == 0)
        _filter(libc, architecture, clone, refused)
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


def _filter(libc: ctypes.CDLL, architecture: int, clone: int, refused: tuple[int, ...]) -> None:
    program = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
    for call in refused:
        program += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _KILL)]
    program += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, 16), (_ANY_BIT, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, _KILL)]
    program += [(_RETURN, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    _demand(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    _demand(libc.prctl(_PR_SET_SECCOMP, 2, header, 0, 0) == 0)
