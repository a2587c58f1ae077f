"""A Python candidate reaches nobody: no neighbour, no supervisor, no inode of the machine, no limit of its own."""

from pathlib import Path

import pytest

from rustml.judge.python.examiner import PythonExaminer
from rustml.records import Candidate, Status, Verdict

TESTS = "assert double([1, 2]) == [2, 4]\nassert double([5]) == [10]\n"
RIGHT = "def double(xs):\n    return [2 * x for x in xs]\n"
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"

POLICY = {
    "owner of a pipe's signal": "import fcntl, os\nfcntl.fcntl(3, 8, os.getppid())\n",
    "signal of a pipe": "import fcntl\nfcntl.fcntl(3, 10, 9)\n",
    "owner by structure": LIBC + "libc.fcntl(3, 15, (ctypes.c_int * 2)(1, os.getppid()))\n",
    "owner by ioctl": LIBC + "libc.ioctl(3, 0x8901, ctypes.byref(ctypes.c_int(os.getppid())))\n",
    "the supervisor's limits": "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))\n",
    "its own limits": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\n",
    "the profiling timer": "import signal\nsignal.setitimer(signal.ITIMER_PROF, 0)\n",
    "a timer of its own": LIBC + "libc.timer_create(0, None, ctypes.byref(ctypes.c_long()))\n",
    "outliving the supervisor": LIBC + "libc.prctl(1, 0, 0, 0, 0)\n",
    "the supervisor's priority": "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)\n",
    "the supervisor's processors": "import os\nos.sched_setaffinity(os.getppid(), {0})\n",
    "shared memory, System V": LIBC + "libc.shmget(7, 4096, 0o1666)\n",
    "messages, System V": LIBC + "libc.msgget(7, 0o1666)\n",
    "semaphores, System V": LIBC + "libc.semget(7, 1, 0o1666)\n",
    "messages, POSIX": LIBC + "libc.mq_open(b'/n', 0o102, 0o666, None)\n",
    "memory without a name": "import os\nos.memfd_create('m')\n",
    "shared memory beyond the limit": "import mmap\nm = mmap.mmap(-1, 1 << 20)\n",
    "a session of its own": "import os\nos.setsid()\n",
    "the kernel's keys": LIBC + "libc.syscall(248, b'user', b'n', b'v', 1, -4)\n",
    "a datagram pair": "import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n",
}
OTHER: dict[str, tuple[str, tuple[Status, ...]]] = {
    **{f"exit {code}": (f"import os\nos._exit({code})\n" + RIGHT, ("incomplete",)) for code in (1, 96, 97, 126, 255)},
    "exit 97 in a call": ("import os\ndef double(xs):\n    os._exit(97)\n", ("incomplete",)),
    "deaf to timers": (
        "import signal\nfor n in (signal.SIGPROF, signal.SIGXCPU): signal.signal(n, signal.SIG_IGN)\n"
        "def double(xs):\n    while True: pass\n",
        ("run_timeout",),
    ),
    "blocks timers": (
        "import signal as s\ns.pthread_sigmask(s.SIG_BLOCK, range(1, 65))\ndef double(xs):\n    while True: pass\n",
        ("run_timeout",),
    ),
    "an honest alarm and a local pair": (
        "import signal as s, socket\ns.alarm(100)\ns.setitimer(s.ITIMER_REAL, 100)\nsocket.socketpair()\n" + RIGHT,
        ("passed",),
    ),
    "the old limits": (
        "import resource\nassert resource.getrlimit(resource.RLIMIT_CPU)[0] > 0\n" + RIGHT,
        ("passed",),
    ),
}  # fmt: skip


def candidate(name: str, code: str) -> Candidate:
    return Candidate(id=name, code=code, tests=TESTS, entry_point="double", language="python")


@pytest.fixture(scope="module")
def verdicts(examiner: PythonExaminer) -> dict[str, Verdict]:
    codes = {name: code + RIGHT for name, code in POLICY.items()} | {name: code for name, (code, _) in OTHER.items()}
    return {one.id: one for one in examiner.verdicts([candidate(name, code) for name, code in codes.items()])}


@pytest.mark.parametrize("name", POLICY)
def test_reaching_out_ends_the_candidate(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status == "policy", verdicts[name]


@pytest.mark.parametrize("name", OTHER)
def test_the_status_is_the_candidates_own(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status in OTHER[name][1], verdicts[name]


def test_the_time_limit_holds_for_one_that_is_deaf_to_its_timer(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["deaf to timers"].detail.endswith("its processor time was spent")


def test_the_machines_device_keeps_its_mode_and_times(examiner: PythonExaminer) -> None:
    before = Path("/dev/null").stat()
    change = "for f, a in [(os.chmod, 0o600), (os.utime, (1, 1))]:\n  try: f('/dev/null', a)\n  except OSError: pass\n"
    use = "assert open('/dev/null', 'w').write('x') and open('/dev/null').read() == ''\n"
    assert examiner.verdicts([candidate("null", "import os\n" + change + use + RIGHT)])[0].status == "passed"
    after = Path("/dev/null").stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
