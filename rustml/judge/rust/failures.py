"""What a compilation that failed says about a candidate that was alone in it."""

import re
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.rust import diagnostics
from rustml.judge.rust.diagnostics import Message
from rustml.records import Diagnostic, Status
from rustml.sandbox.processes import Completed, signal_of

_PATH = re.compile(r"`?(?:/[\w.-]+){2,}`?")
_OWN_NAME = re.compile(r"(?:::)?\b[cmpth][0-9a-f]{24}\b(?:::[cmpth][0-9a-f]{24}\b)?")
_NO_MEMORY = (b"memory allocation of", b"out of memory", b"bad_alloc", b"Cannot allocate memory")
_ROOM = 1 << 20
"""Bytes that a disk has left at least, if it is not to be called full."""
_FULL_DISK = (b"No space left on device", b"Disk quota exceeded")


@dataclass(frozen=True)
class Failure:
    """Why a candidate does not compile."""

    status: Status
    errors: tuple[Diagnostic, ...]
    detail: str


def of_errors(messages: Sequence[Message]) -> Failure:
    """A candidate to which the compiler attributed errors."""
    errors = tuple(
        Diagnostic(error.code, _OWN_NAME.sub("candidate", _PATH.sub("a file", error.message)))
        for error in diagnostics.summary(list(messages))
    )
    if any(error.code == "unsafe_code" for error in errors):
        return Failure("policy", errors, "unsafe code")
    return Failure("compile_error", errors, errors[0].message)


def of_crash(result: Completed, work: Path) -> Failure:
    """A candidate whose compilation, in the folder `work`, ended without errors of its own.

    Raises JudgeFault where the sandbox, the disk or the compiler itself is to blame.
    """
    if shutil.disk_usage(work).free < _ROOM or any(words in result.stderr for words in _FULL_DISK):
        raise JudgeFault(f"the disk of {work.parent} is full")  # the linker dies of it by a signal, without a word
    number = signal_of(result.returncode)
    if result.expired or number == signal.SIGXCPU:
        return Failure("compile_timeout", (), "the compilation ran out of time")
    if number == signal.SIGKILL or any(words in result.stderr for words in _NO_MEMORY):
        return Failure("out_of_memory", (), "the compilation ran out of memory")
    if result.flooded:
        return _compile_error("the compiler's diagnostics are a flood")
    if number:
        return _compile_error(f"the compiler crashed ({signal.Signals(number).name})")
    if result.returncode == 101:
        return _compile_error("the compiler panicked")
    if result.stderr.lstrip().startswith(b"{"):
        messages = diagnostics.read(result.stderr, frozenset())
        errors = [message for message in messages if message.is_error] or _unnamed(messages)
        if errors[0].text.startswith("linking with"):
            raise JudgeFault("the linker refused a program of the judge's")
        return of_errors(errors)
    raise JudgeFault(f"the compiler could not be run: {result.stderr[-500:].decode(errors='replace').strip()}")


def _unnamed(messages: Sequence[Message]) -> list[Message]:
    raise JudgeFault(f"the compiler failed without an error among {len(messages)} messages")


def _compile_error(text: str) -> Failure:
    return Failure("compile_error", (Diagnostic("", text),), text)
