"""Seccomp filters: threads, but no other process, no socket, no mount. The one list of refused system calls.

Classic BPF over `struct seccomp_data`. The programs inside the sandbox get a filter as bytes and install it; bubblewrap
reads one from a file. https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import platform
import struct
from collections.abc import Collection, Mapping

from rustml.errors import EnvironmentFault

CALLS: Mapping[str, tuple[int | None, int | None]] = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "connect": (42, 203),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "mount": (165, 40),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setitimer": (38, 103),
    "setns": (308, 268),
    "setrlimit": (160, 164),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
    "timer_create": (222, 107),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vfork": (58, None),
}
"""Numbers on x86_64 and aarch64; None where the architecture does not have the call."""
ARCHITECTURES: Mapping[str, tuple[int, int, int]] = {"x86_64": (0, 0xC000003E, 56), "aarch64": (1, 0xC00000B7, 220)}
"""Column in CALLS, the kernel's constant for the architecture, number of `clone`."""

REACHING_OUT = frozenset({
    "bpf", "chroot", "fork", "io_uring_setup", "keyctl", "kill", "mount", "perf_event_open", "pidfd_getfd",
    "pidfd_send_signal", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "setns", "socket",
    "socketpair", "tkill", "umount2", "unshare", "userfaultfd", "vfork",
})  # fmt: skip
"""Calls that every filter refuses: they reach for another process, another namespace or the network."""
ESCAPING_LIMITS = frozenset({"execve", "execveat", "prlimit64", "setitimer", "setrlimit", "timer_create"})
"""Calls that start another program or lift the limits and the timer that end a process."""
SIGNALS = frozenset({"pidfd_open", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill"})
"""Further ways to send signals to other processes."""
CONNECTIONS = frozenset({"add_key", "connect", "pidfd_open", "request_key"})
"""Ways to what outlives the process: sockets that others opened, keys of the kernel."""

_CLONE3 = 435
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _NO_SUCH_CALL, _NOT_PERMITTED = 0x7FFF0000, 0x80000000, 0x00050000 | 38, 0x00050000 | 1
_CLONE_THREAD = 0x00010000
Instruction = tuple[int, int, int, int]


def program(refused: Collection[str], *, kill: bool, machine: str = "") -> bytes:
    """The bytes of a filter on calls by name, 8 per instruction, for `machine` or this machine.

    A refused call ends the process where `kill` is set, else it fails with EPERM. Raises EnvironmentFault for a machine
    whose system calls are not listed.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise EnvironmentFault(f"no system call filter for {machine}; known: {', '.join(ARCHITECTURES)}")
    column, architecture, clone = ARCHITECTURES[machine]
    numbers = sorted(number for name in refused if (number := CALLS[name][column]) is not None)
    steps = _instructions(architecture, clone, numbers, _KILL if kill else _NOT_PERMITTED)
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _instructions(architecture: int, clone: int, refused: list[int], refusal: int) -> list[Instruction]:
    steps = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls of x86_64; no architecture has that many of its own
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, _CLONE3),  # its flags lie in memory, where no filter looks: the C library falls back to clone
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
    for call in refused:
        steps += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, refusal)]
    steps += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, 16), (_ANY_BIT, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, refusal)]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]
