"""Doubles for an evaluation: a judge that reads the code."""

from rustml.evaluation.suites.protocols import CHAT
from rustml.evaluation.suites.suite import Suite
from rustml.generation.sampling import Sampling
from rustml.records import Candidate, Problem, Status, Verdict
from rustml.testing import FakeJudge, make_verdict
from tests.support.problems import make_problem


def reading_judge() -> FakeJudge:
    """A judge that passes code that says so, and is at fault for code that asks for a fault."""
    return FakeJudge(_read)


def _read(candidate: Candidate) -> Verdict:
    statuses: tuple[Status, ...] = ("passed", "wrong", "infrastructure")
    status: Status = next((status for status in statuses if status in candidate.code), "compile_error")
    clean = "clean" in candidate.code
    compiles = status in ("passed", "wrong")
    lints = () if clean else ("needless_return",)
    return make_verdict(candidate.id, status, clippy_clean=clean if compiles else None, lints=lints)


def problem(number: int) -> Problem:
    return make_problem(f"p/{number}", instruction=f"task {number}")


def made_suite(items: int, samples: int = 1, name: str = "rust") -> Suite:
    sampling = Sampling(temperature=float(samples > 1), top_p=1.0, samples=samples, max_new_tokens=8, stops=(), seed=1)
    return Suite(
        name=name,
        group="rust",
        metric_prefix="rust.",
        problems=tuple(problem(number) for number in range(items)),
        protocol=CHAT,
        sampling=sampling,
    )
