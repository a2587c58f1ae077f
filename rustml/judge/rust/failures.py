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
_OWN_NAME = re.compile(r"(?:::)?\b[cmpthg][0-9a-f]{24}\b(?:::[cmpth][0-9a-f]{24}\b)?")
_OWN_FILE = re.compile(r"(?:/[\w.-]+)+/(?:lib|[cmpthg][0-9a-f]{24})\.rs\b")
_NO_MEMORY = (b"memory allocation of", b"out of memory", b"bad_alloc", b"Cannot allocate memory")
_ROOM = 1 << 20
"""Bytes that a disk has left at least, if it is not to be called full."""


LINES, COLUMNS = 50, 200
"""Of the output that a verdict holds at most."""
CHANGED = "the answer changes the declared signature: "
"""How the detail of such a verdict begins."""
_CHANGED = frozenset(
    {"E0308", "E0061", "E0107", "E0271", "E0277", "E0282", "E0283", "E0310", "E0521", "E0597", "E0621"}
)


@dataclass(frozen=True)
class Failure:
    """Why a candidate does not compile."""

    status: Status
    errors: tuple[Diagnostic, ...]
    detail: str
    output: str = ""
    """What the compiler says, as far as `LINES` go."""
    transient: bool = False
    """Whether the load of the machine may have decided it."""


def of_errors(messages: Sequence[Message], pinned: range = range(0)) -> Failure:
    """A candidate to which the compiler attributed errors.

    `pinned` are the bytes of the tests' file that call the candidate as it was declared.
    """
    errors = tuple(
        Diagnostic(error.code, _OWN_NAME.sub("candidate", _PATH.sub("a file", error.message)))
        for error in diagnostics.summary(list(messages))
    )
    if any(error.code == "unsafe_code" for error in errors):
        return Failure("policy", errors, "unsafe code")
    output = shown([message.rendered for message in messages if message.is_error])
    changed = any(message.code in _CHANGED and message.start in pinned for message in messages if message.is_error)
    return Failure("compile_error", errors, CHANGED + errors[0].message if changed else errors[0].message, output)


def shown(texts: Sequence[str]) -> str:
    """The first lines of what compiler or tests say, without the names and paths that the judge made up."""
    text = "\n".join(text.strip("\n") for text in texts)
    lines = _OWN_NAME.sub("candidate", _OWN_FILE.sub("candidate.rs", text)).splitlines()
    more = len(lines) - LINES
    return "\n".join([*(line[:COLUMNS] for line in lines[:LINES]), *([f"... {more} more lines"] if more > 0 else [])])


class Unexplained(JudgeFault):
    """A compilation failed without a reason in the candidate's text: the candidate's fault where others do compile."""

    def __init__(self, text: str, failure: Failure) -> None:
        """`failure` is the candidate's, should it be the candidate's fault."""
        super().__init__(text)
        self.failure = failure


def of_crash(done: Completed, work: Path) -> Failure:
    """A candidate whose compilation, in the folder `work`, ended without errors of its own.

    No text that a candidate can bring about is matched: what it writes reaches the stream only inside JSON. Raises
    JudgeFault where the disk is full, and Unexplained where the machine or the candidate may be to blame.
    """
    if shutil.disk_usage(work).free < _ROOM:
        raise JudgeFault(f"the disk of {work.parent} is full")  # the linker dies of it by a signal, without a word
    number = signal_of(done.returncode)
    if done.expired or number == signal.SIGXCPU:
        waited = number != signal.SIGXCPU  # for a processor, ten times as long as it may compute
        return Failure("compile_timeout", (), "the compilation ran out of time", transient=waited)
    spoken = b"\n".join(line for line in done.stderr.splitlines() if not line.startswith(b"{"))
    if number == signal.SIGKILL or any(words in spoken for words in _NO_MEMORY):
        return Failure("out_of_memory", (), "the compilation ran out of memory")
    if done.flooded:
        return compile_error("the compiler's diagnostics are a flood")
    if number:
        return compile_error(f"the compiler crashed ({signal.Signals(number).name})")
    if done.returncode == 101:
        return compile_error("the compiler panicked")
    errors = [message for message in diagnostics.read(done.stderr, frozenset()) if message.is_error]
    if any(error.placed for error in errors):
        return of_errors(errors)
    failure = of_errors(errors) if errors else compile_error("the compiler refused it without a word")
    message = errors[0].text if errors else done.stderr[-500:].decode(errors="replace").strip()
    raise Unexplained(f"the compiler could not be run: {message}", failure)


def compile_error(text: str) -> Failure:
    """A failure that the compiler has no code for."""
    return Failure("compile_error", (Diagnostic("", text),), text)
