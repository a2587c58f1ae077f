"""Verdicts that need no compiler, and verdicts under another id."""

from typing import TypeVar

import msgspec

from rustml.records import Candidate, Status, Verdict

R = TypeVar("R", Candidate, Verdict)


def plain(candidate: Candidate, status: Status, detail: str, sandbox: str) -> Verdict:
    """A verdict on a candidate that was neither compiled nor run."""
    return Verdict(
        id=candidate.id,
        status=status,
        compiles=None,
        tests_passed=0,
        tests_expected=0,
        clippy_clean=None,
        lints=(),
        errors=(),
        seconds={},
        sandbox=sandbox,
        detail=detail,
    )


def copied(record: R, identity: str) -> R:
    """The same record under another id."""
    return msgspec.structs.replace(record, id=identity)
