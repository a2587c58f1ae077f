"""Verdicts without a judgement, and records under another id."""

from typing import TypeVar

import msgspec

from rustml.records import Candidate, Status, Verdict

R = TypeVar("R", Candidate, Verdict)


def unjudged_verdict(identity: str, status: Status, detail: str, sandbox: str) -> Verdict:
    """The verdict on the candidate of this id that was neither compiled nor run."""
    return Verdict(
        id=identity,
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


def with_id(record: R, identity: str) -> R:
    """The same record under another id."""
    return msgspec.structs.replace(record, id=identity)


def content(candidate: Candidate) -> Candidate:
    """The candidate without its id: what its verdict depends on."""
    return with_id(candidate, "")
