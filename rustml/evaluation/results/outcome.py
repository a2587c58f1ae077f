"""The outcome of one judged answer, without its text."""

from collections.abc import Mapping

from rustml.records import Record, Status, Verdict


class Outcome(Record, frozen=True, omit_defaults=True):
    """One judged answer, without its text."""

    status: Status
    compiles: bool | None
    clippy_clean: bool | None
    lints: tuple[str, ...]
    """Names; `lint_count` says how often they were raised in all."""
    errors: tuple[str, ...]
    """rustc error codes; a syntax error, which has none, is `syntax`."""
    characters: int
    """Length of the answer."""
    scores: dict[str, float] = {}
    """Scores of a hold-out answer, each in [0, 1]; documented in docs/evaluation.md. Empty for other suites."""
    lint_count: int = 0
    unrated: str = ""
    """Why a rater that was asked gave no rating: `malformed`, `refused`."""


def outcome(verdict: Verdict, completion: str, scores: Mapping[str, float], unrated: str = "") -> Outcome:
    """The outcome of a completion with this verdict and these scores."""
    return Outcome(
        status=verdict.status,
        compiles=verdict.compiles,
        clippy_clean=verdict.clippy_clean,
        lints=verdict.lints,
        errors=tuple(error.code or "syntax" for error in verdict.errors),
        characters=len(completion),
        scores=dict(scores),
        lint_count=sum((verdict.lint_counts or {}).values()),
        unrated=unrated,
    )
