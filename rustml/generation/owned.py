"""Ends processes that a library started when the process that asked for them is gone, however it went.

vLLM's engine does not notice that its caller was killed: it answers what it was asked, and then waits for ever. The
watching process reads standard input, which ends with the caller, and kills what it was named.
"""

import contextlib
import multiprocessing
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def collected() -> Iterator[list[psutil.Process]]:
    """The processes that `multiprocessing` starts within the block and that run at its end, with all below them.

    Not those of other kinds: another thread may start a candidate, or Python its tracker of shared memory.
    """
    before, found = set(multiprocessing.active_children()), list[psutil.Process]()
    yield found
    for child in set(multiprocessing.active_children()) - before:
        process = psutil.Process(child.pid)
        found += [process, *process.children(recursive=True)]


class Watch:
    """Kills the processes when this one is gone, or at `close`."""

    def __init__(self, processes: Iterable[psutil.Process]) -> None:
        words = [sys.executable, "-I", __file__, *(f"{each.pid}:{each.create_time()}" for each in processes)]
        # A session of its own: Ctrl-C is for the caller, which closes the engine in order.
        self._watcher = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)

    def close(self) -> None:
        """Kill what is left of them, and end the watching process."""
        self._watcher.communicate()


def main(named: Iterable[str]) -> None:
    """Wait for the end of standard input, then kill the processes: PID:START, since numbers are used again."""
    sys.stdin.buffer.read()
    for pid, _, start in (each.partition(":") for each in named):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(pid))
            if process.create_time() == float(start):
                process.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
