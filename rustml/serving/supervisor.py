"""Run a command that must not outlive its parent: `python -m rustml.serving.supervisor SECONDS COMMAND...`.

The parent holds the other end of standard input. When it closes, because the parent asks for the end or was killed, the
command's process group gets SIGTERM, and SIGKILL after SECONDS. The exit code is the command's.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(seconds: float, command: list[str]) -> int:
    """Exit code of the command; as in a shell, 128 and more for one that a signal ended."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The parent says when, after it has drained its requests. A handler, unlike SIG_IGN, is not inherited.
        signal.signal(number, lambda *_: None)
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_parent, args=(running, seconds), daemon=True).start()
    code = running.wait()
    _signal_group(running.pid, signal.SIGKILL)  # an engine whose server died alone
    return code if code >= 0 else 128 - code


def _end_with_parent(running: "subprocess.Popen[bytes]", seconds: float) -> None:
    while os.read(0, 1024):
        pass
    _signal_group(running.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(seconds)
    _signal_group(running.pid, signal.SIGKILL)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
