"""Candidates go to the judge of their world, and their verdicts come back in order."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from rustml.cache_layout import CacheLayout
from rustml.covering_tests import CoveringTests
from rustml.judge.by_world import JudgeByWorld
from rustml.judge.in_crate.crate_builds import Places
from rustml.judge.in_crate.problem_judge import CrateProblemJudge
from rustml.judge.limits import Limits
from rustml.judge.verdicts import unjudged_verdict
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Dependency, Origin, Problem, Verdict, candidate_of
from rustml.testing import FakeJudge

ALONE = Problem(
    id="alone", bank="mined", split="train", language="rust", instruction="Add.", entry_point="add", licence="MIT",
    reference="fn add() {}", tests="#[test] fn adds() { add() }",
)  # fmt: skip
INSIDE = msgspec.structs.replace(
    ALONE, id="inside", tests="", covering=CoveringTests(tests=("tests::adds",)), span=(3, 9),
    origin=Origin(kind="crate", name="sums", licence="MIT", url="file:///nowhere"),
)  # fmt: skip


class Backend(FakeJudge):
    """A judge of candidates that stand by themselves."""

    closed = False

    def crates_fault(self, dependencies: tuple[Dependency, ...]) -> str:
        return "no crates" if dependencies else ""

    def close(self) -> None:
        self.closed = True


class Crates(CrateProblemJudge):
    """A judge in crates without any crate."""

    closed = False

    def __init__(self) -> None:
        self.judged: list[Candidate] = []

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        self.judged += candidates
        if progress is not None:
            progress(len(candidates), len(candidates))
        return [unjudged_verdict(one.id, "wrong", "", "crate") for one in candidates]

    def close(self) -> None:
        self.closed = True


def candidates(*problems: Problem) -> list[Candidate]:
    return [
        candidate_of(problem, problem.reference, f"{problem.id}#{number}") for number, problem in enumerate(problems)
    ]


def test_verdicts_of_both_worlds_come_in_the_order_of_the_candidates() -> None:
    crates, backend, seen = Crates(), Backend(), []
    with JudgeByWorld(backend, lambda: crates) as judge:
        asked = candidates(INSIDE, ALONE, INSIDE, ALONE)
        verdicts = judge.judge(asked, lambda done, total: seen.append((done, total)))
    assert [(one.id, one.status) for one in verdicts] == [
        ("inside#0", "wrong"), ("alone#1", "passed"), ("inside#2", "wrong"), ("alone#3", "passed"),
    ]  # fmt: skip
    assert [one.id for one in crates.judged] == ["inside#0", "inside#2"]
    assert seen == [(1, 4), (2, 4), (4, 4)]
    assert crates.closed
    assert backend.closed


def test_nothing_is_opened_for_crates_that_no_candidate_needs() -> None:
    def refuse() -> CrateProblemJudge:
        raise AssertionError("opened")

    backend = Backend()
    with JudgeByWorld(backend, refuse) as judge:
        assert [one.status for one in judge.judge(candidates(ALONE))] == ["passed"]
        assert judge.crates_fault((Dependency(name="rand", version="1"),)) == "no crates"
    assert backend.closed


def test_a_candidate_takes_origin_and_place_of_a_problem_that_is_judged_in_its_crate() -> None:
    alone, inside = candidates(msgspec.structs.replace(ALONE, origin=INSIDE.origin, span=(1, 2)), INSIDE)
    assert (alone.origin, alone.span, alone.covering) == (None, (0, 0), None)
    assert (inside.origin, inside.span, inside.covering) == (INSIDE.origin, (3, 9), INSIDE.covering)
    assert not inside.untested, "it has no tests of its own, and those of its crate"


def test_a_crate_that_is_not_here_is_a_fault(tmp_path: Path) -> None:
    with CrateProblemJudge(Places(cache=CacheLayout(tmp_path)), Limits()) as judge:
        (verdict,) = judge.judge(candidates(INSIDE))
    assert verdict.status == "infrastructure"
