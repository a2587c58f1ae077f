"""Which process works on a run, and whether it has ended."""

import os
import socket

import psutil

CLOCK_SECONDS = 5.0
"""Largest difference of two readings of one process's start: the system clock may be set in between."""


def process_name() -> str:
    """This process as `HOST:PID:START`, so that another process on this machine can tell whether it still runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def has_ended(name: str) -> bool:
    """Whether the process that `process_name` named ran on this machine and has ended; its PID may have been reused.

    False where that cannot be known: another machine's process, or another form of name.
    """
    host, _, numbers = name.partition(":")
    pid, _, start = numbers.partition(":")
    if host != socket.gethostname() or not start:
        return False
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(start)) > CLOCK_SECONDS)
    except psutil.NoSuchProcess:
        return True
