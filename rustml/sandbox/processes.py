"""Run one command with bounded time and bounded output, and leave nothing of it behind."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.sandbox.cgroups import Cgroups, Group
from rustml.sandbox.exit_codes import GROUP_REFUSED
from rustml.sandbox.process_limits import MEBIBYTE

_SILENCE_SECONDS = 1.0
"""Time after which a command that has ended is not waited for, although a process that it left holds its output."""


@dataclass(frozen=True)
class Completed:
    """How a command ended."""

    returncode: int
    """Negative: the signal that ended it."""
    stdout: bytes
    stderr: bytes
    expired: bool
    """It ran past its wall time."""
    flooded: bool
    """It wrote more than it may; what it had written until then is kept."""
    seconds: float
    """Wall time."""


def signal_of(returncode: int) -> int:
    """The signal behind a return code, 0 for none: negative from a process, 128 and more from bubblewrap."""
    if returncode < 0:
        return -returncode
    return returncode - 128 if 128 < returncode < 128 + signal.NSIG else 0


class Processes:
    """Starts commands and knows those that still run, so that all of them can be ended at once from any thread."""

    def __init__(self, groups: Cgroups | None = None) -> None:
        """With `groups`, each command runs in a control group of its own."""
        self._groups = groups
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(
        self, argv: Sequence[str], *, seconds: float, memory_mb: int = 0, stdin: bytes = b"", output: int = 1 << 22
    ) -> Completed:
        """Run `argv` for at most `seconds`, keeping at most `output` bytes of each stream.

        Where there are control groups, the whole process tree gets at most `memory_mb` MiB (0: as much as there is).
        The environment is empty but for the path. Raises JudgeFault when the command cannot be started.
        """
        if self._groups is None:
            return self._watched(argv, seconds, stdin, output)
        group = self._group(self._groups, memory_mb)
        try:
            result = self._watched(group.enter(argv), seconds, stdin, output)
        finally:
            group.remove()
        if result.returncode == GROUP_REFUSED and not result.stdout:
            raise JudgeFault(
                f"a command could not enter its control group: {result.stderr[-200:].decode('utf-8', 'replace')}"
            )
        return result

    def _group(self, groups: Cgroups, memory_mb: int) -> Group:
        try:
            return groups.group(memory_mb * MEBIBYTE)
        except OSError as error:
            raise JudgeFault(f"cannot make a control group: {error}") from error

    def _watched(self, argv: Sequence[str], seconds: float, stdin: bytes, output: int) -> Completed:
        started = time.monotonic()
        process = self._start(argv)
        try:
            watch = _Watch(process, stdin, started + seconds, output)
            watch.drain()
        finally:
            _end(process)
            with self._lock:
                self._running.discard(process)
        streams = bytes(watch.streams[0]), bytes(watch.streams[1])
        return Completed(process.returncode, *streams, watch.expired, watch.flooded, time.monotonic() - started)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise JudgeFault("the judge is closed")
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={"PATH": os.defpath},
                    start_new_session=True,  # a terminal's Ctrl-C is for us alone: we end the children in order
                )
            except OSError as error:
                raise JudgeFault(f"cannot start {argv[0]}: {error.strerror}") from error
            self._running.add(process)
            return process

    def close(self) -> None:
        """End every running command; later ones are refused."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a command's process group, and what has left the group.

    Bubblewrap's child leaves it a moment before it asks to die with its parent: killed between the two, the parent
    would leave it behind, with our pipes open. Stopped, the group makes no more children while they are counted.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGSTOP)
    below = _below(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in below:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _below(pid: int) -> list[int]:
    """Its children, and theirs. Each is listed by the thread that started it (proc(5)).

    A kernel without CONFIG_PROC_CHILDREN lists none: there what left the group ends by its own limits.
    """
    found: list[int] = []
    with contextlib.suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in map(int, (thread / "children").read_text().split()):
                    found += [child, *_below(child)]
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _kill(process)
    with contextlib.suppress(ProcessLookupError):  # what a command without a PID namespace of its own left behind
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()


class _Watch:
    """Feeds and drains one process until it ends, its time is up, or it writes too much."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, deadline: float, limit: int) -> None:
        self.streams = (bytearray(), bytearray())
        self.expired = self.flooded = self._left_open = False
        self._process, self._stdin, self._deadline, self._limit = process, memoryview(stdin), deadline, limit

    def drain(self) -> None:
        with selectors.DefaultSelector() as selector:
            assert self._process.stdin is not None
            for index, stream in enumerate((self._process.stdout, self._process.stderr)):
                assert stream is not None
                selector.register(stream, selectors.EVENT_READ, self.streams[index])
            if self._stdin:
                os.set_blocking(self._process.stdin.fileno(), False)
                selector.register(self._process.stdin, selectors.EVENT_WRITE, None)
            else:
                self._process.stdin.close()
            while selector.get_map() and not (self.expired or self.flooded or self._left_open):
                self._step(selector)
        self._await_exit()

    def _step(self, selector: selectors.BaseSelector) -> None:
        events = selector.select(max(min(self._deadline - time.monotonic(), _SILENCE_SECONDS), 0))
        self.expired = time.monotonic() >= self._deadline
        self._left_open = not events and self._process.poll() is not None
        for key, _ in events:
            more = self._feed(key.fd) if key.data is None else self._take(key.fd, key.data)
            if not more:
                selector.unregister(key.fileobj)
                if key.data is None:
                    with contextlib.suppress(BrokenPipeError):
                        key.fileobj.close()  # type: ignore[union-attr]

    def _feed(self, fd: int) -> bool:
        try:
            self._stdin = self._stdin[os.write(fd, self._stdin[:65536]) :]
        except BrokenPipeError:
            return False
        return bool(self._stdin)

    def _take(self, fd: int, into: bytearray) -> bool:
        chunk = os.read(fd, 65536)
        into += chunk[: self._limit - len(into)]
        self.flooded = self.flooded or len(into) >= self._limit
        return bool(chunk)

    def _await_exit(self) -> None:
        if not (self.expired or self.flooded):
            try:
                self._process.wait(max(self._deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                self.expired = True
