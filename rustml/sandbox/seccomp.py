"""Seccomp filters: threads, but no other process, no socket, no mount. The one list of refused system calls.

Classic BPF over `struct seccomp_data`. The programs inside the sandbox get a filter as bytes and install it; bubblewrap
reads one from a file. https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import platform
import struct
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from rustml.errors import EnvironmentFault

CALLS: Mapping[str, tuple[int | None, int | None]] = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "connect": (42, 203),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fcntl": (72, 25),
    "file_setattr": (469, 469),
    "fork": (57, None),
    "fremovexattr": (199, 16),
    "fsconfig": (431, 431),
    "fsetxattr": (190, 7),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "inotify_add_watch": (254, 27),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "removexattr": (197, 14),
    "removexattrat": (466, 466),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setitimer": (38, 103),
    "setns": (308, 268),
    "setpgid": (109, 154),
    "setpriority": (141, 140),
    "setrlimit": (160, 164),
    "setsid": (112, 157),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
    "timer_create": (222, 107),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vfork": (58, None),
}
"""Numbers on x86_64 and aarch64; None where the architecture does not have the call."""
ARCHITECTURES: Mapping[str, tuple[int, int, int]] = {"x86_64": (0, 0xC000003E, 56), "aarch64": (1, 0xC00000B7, 220)}
"""Column in CALLS, the kernel's constant for the architecture, number of `clone`."""

SHARED_MEMORY = frozenset({
    "memfd_create", "memfd_secret", "mq_open", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget",
    "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
})  # fmt: skip
"""Memory and messages that outlive a process, that others can name, or that no limit of the process counts."""
REACHING_OUT = SHARED_MEMORY | frozenset({
    "bpf", "chroot", "fork", "fsconfig", "fsmount", "fsopen", "fspick", "io_uring_setup", "kcmp", "keyctl", "kill",
    "migrate_pages", "mount", "mount_setattr", "move_mount", "move_pages", "open_by_handle_at", "open_tree",
    "perf_event_open", "pidfd_getfd", "pidfd_send_signal", "pivot_root", "process_madvise", "process_mrelease",
    "process_vm_readv", "process_vm_writev", "ptrace", "setns", "setpgid", "setsid", "socket", "socketpair", "tkill",
    "umount2", "unshare", "userfaultfd", "vfork",
})  # fmt: skip
"""Calls that every filter refuses: they reach for another process, another namespace or the network."""
ESCAPING_LIMITS = frozenset({"execve", "execveat", "prlimit64", "setitimer", "setrlimit", "timer_create"})
"""Calls that start another program or lift the limits and the timer that end a process."""
SIGNALS = frozenset({"pidfd_open", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill"})
"""Further ways to send signals to other processes."""
CONNECTIONS = frozenset({"add_key", "connect", "pidfd_open", "request_key"})
"""Ways to what outlives the process: sockets that others opened, keys of the kernel."""

METADATA = frozenset({
    "chmod", "chown", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "file_setattr", "fremovexattr",
    "fsetxattr", "futimesat", "lchown", "lremovexattr", "lsetxattr", "removexattr", "removexattrat", "setxattr",
    "setxattrat", "utime", "utimensat", "utimes",
})  # fmt: skip
"""Changes to what a file is rather than what it holds: no Landlock rule speaks of them."""


class Guard(NamedTuple):
    """A call that is refused for some values of an argument, of which 32 bits are looked at."""

    call: str
    argument: int
    """Counted from 0."""
    values: tuple[int, ...]
    """Refused where the masked argument is one of these; with `others`, where it is none of them."""
    others: bool = False
    mask: int = 0xFFFFFFFF
    upper: bool = False
    """Look at the upper half of the argument."""


_SHARED_AND_ANONYMOUS = 0x21
OTHER_PROCESSES = (
    Guard("fcntl", 1, (8, 10, 15)),  # F_SETOWN, F_SETSIG, F_SETOWN_EX: whom the kernel signals, and with what
    Guard("ioctl", 1, (0x8901, 0x8902, 0x5410, 0x540E, 0x5412)),  # FIOSETOWN, SIOCSPGRP, TIOCSPGRP, TIOCSCTTY, TIOCSTI
    Guard("prctl", 0, (1,)),  # PR_SET_PDEATHSIG: to outlive the supervisor
    Guard("sched_setaffinity", 0, (0,), others=True),
    Guard("sched_setattr", 0, (0,), others=True),
    Guard("sched_setparam", 0, (0,), others=True),
    Guard("sched_setscheduler", 0, (0,), others=True),
    Guard("setpriority", 0, (0,), others=True),  # anything but PRIO_PROCESS
    Guard("setpriority", 1, (0,), others=True),
    Guard("ioprio_set", 0, (1,), others=True),  # anything but IOPRIO_WHO_PROCESS
    Guard("ioprio_set", 1, (0,), others=True),
    Guard("mmap", 3, (_SHARED_AND_ANONYMOUS,), mask=_SHARED_AND_ANONYMOUS),  # RLIMIT_DATA counts private memory alone
)
"""Ways to signal, slow or outlive other processes, and memory that no limit counts, by calls that are else harmless."""
OTHER_LIMITS = Guard("prlimit64", 0, (0,), others=True)
"""Limits of another process."""
OWN_LIMITS = (
    OTHER_LIMITS,
    Guard("prlimit64", 2, (0,), others=True),  # new limits, not a question for the old ones
    Guard("prlimit64", 2, (0,), others=True, upper=True),
    Guard("setitimer", 0, (2,)),  # ITIMER_PROF, which ends the process
)
"""What an interpreter needs of `prlimit64` and `setitimer` is left; lifting limits is not."""
FILE_FLAGS = Guard("ioctl", 1, (0x40086602, 0x40046602, 0x401C5820, 0x40087602))
"""FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR, FS_IOC_SETVERSION: an owner needs no write access."""
LOCAL_SOCKET_PAIRS = (Guard("socketpair", 0, (1,), others=True), Guard("socketpair", 1, (1, 5), others=True, mask=0xF))
"""All but pairs of connected local sockets (SOCK_STREAM, SOCK_SEQPACKET), which reach nothing: event loops wake
themselves with one, and Rust's standard library watches over the start of a process with one."""

_CLONE3 = 435
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _NO_SUCH_CALL, _NOT_PERMITTED = 0x7FFF0000, 0x80000000, 0x00050000 | 38, 0x00050000 | 1
_SUCCESS = 0x00050000
"""The call is not made and returns 0."""
_CLONE_THREAD = 0x00010000
Instruction = tuple[int, int, int, int]


def program(
    refused: Collection[str],
    *,
    kill: bool,
    guards: Sequence[Guard] = OTHER_PROCESSES,
    processes: bool = False,
    ignored: Collection[str] = (),
    machine: str = "",
) -> bytes:
    """The bytes of a filter on calls by name and on guarded ones, 8 per instruction, for `machine` or this machine.

    With `processes`, `clone` may make processes and not only threads.

    A refused call ends the process where `kill` is set, else it fails with EPERM. An `ignored` one does nothing and
    succeeds. Raises EnvironmentFault for a machine
    whose system calls are not listed.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise EnvironmentFault(f"no system call filter for {machine}; known: {', '.join(ARCHITECTURES)}")
    column, architecture, clone = ARCHITECTURES[machine]
    refusal = _KILL if kill else _NOT_PERMITTED
    answers = dict.fromkeys(refused, refusal) | dict.fromkeys(ignored, _SUCCESS)
    numbers = {number: answer for name, answer in answers.items() if (number := CALLS[name][column]) is not None}
    watched = [(number, guard) for guard in guards if (number := CALLS[guard.call][column]) is not None]
    checks = [step for number, guard in watched for step in _check(number, guard, refusal)]
    clones = [] if processes else _threads_only(clone, refusal)
    steps = _instructions(architecture, numbers, [*checks, *clones])
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _check(number: int, guard: Guard, refusal: int) -> list[Instruction]:
    """The steps of one guard. The number of the call is in the accumulator before and after."""
    refuse = (_RETURN, 0, 0, refusal)
    if guard.others:
        count = len(guard.values)
        tests = [(_EQUAL, count - place, 0, value) for place, value in enumerate(guard.values)] + [refuse]
    else:
        tests = [step for value in guard.values for step in ((_EQUAL, 0, 1, value), refuse)]
    body = [
        (_LOAD, 0, 0, 16 + 8 * guard.argument + 4 * guard.upper),
        (_AND, 0, 0, guard.mask),
        *tests,
        (_LOAD, 0, 0, 0),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def _instructions(architecture: int, answers: Mapping[int, int], checks: list[Instruction]) -> list[Instruction]:
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
    for call, answer in sorted(answers.items()):
        steps += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, answer)]
    return [*steps, *checks, (_RETURN, 0, 0, _ALLOW)]


def _threads_only(clone: int, refusal: int) -> list[Instruction]:
    return [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, 16), (_ANY_BIT, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, refusal)]
