"""Verdicts that were begun before they are asked for are those that are given, in order."""

from collections.abc import Sequence
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import JudgeFault
from rustml.judge.ahead import AheadJudge
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Verdict, candidate_of
from rustml.testing import FakeJudge
from tests.support.toy_models import problem


def candidate(code: str, identity: str) -> Candidate:
    return candidate_of(problem(0), code, identity)


def decide(one: Candidate) -> str:
    return "passed" if len(one.code) % 2 else "wrong"


@given(
    st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "dddd"]), max_size=4), max_size=4), st.lists(st.text("xyz"))
)
def test_verdicts_are_those_of_the_judge_each_content_judged_once(begun: list[list[str]], asked: list[str]) -> None:
    judge = FakeJudge(decide)
    codes = [*asked, *(code for part in begun[1:] for code in part)]
    wanted = [candidate(code, f"asked#{number}") for number, code in enumerate(codes)]
    with AheadJudge(judge) as ahead:
        for part in begun:
            ahead.begin([candidate(code, "begun") for code in part])
        verdicts = ahead.judge(wanted)
    assert verdicts == FakeJudge(decide).judge(wanted)
    assert len(judge.judged) == len({one.code for one in judge.judged})


class Slow(FakeJudge):
    """Waits in its first call until it is let go on; keeps the batches that it was given."""

    def __init__(self) -> None:
        super().__init__(decide)
        self.entered, self.go = Event(), Event()
        self.batches: list[list[str]] = []

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        self.batches.append([one.code for one in candidates])
        self.entered.set()
        assert self.go.wait(10)
        return super().judge(candidates, progress)


def test_it_begins_at_once_and_what_gathers_meanwhile_is_one_batch() -> None:
    judge = Slow()
    with AheadJudge(judge) as ahead:
        ahead.begin([candidate("first", "1")])
        assert judge.entered.wait(10), "nobody has asked for a verdict yet"
        ahead.begin([candidate("second", "2")])
        ahead.begin([candidate("third", "3"), candidate("second", "4")])
        judge.go.set()
        seen: list[tuple[int, int]] = []
        wanted = [candidate(code, code) for code in ("fourth", "second", "first")]
        assert [one.id for one in ahead.judge(wanted, lambda *done: seen.append(done))] == ["fourth", "second", "first"]
    assert judge.batches[:1] == [["first"]]
    assert [code for batch in judge.batches for code in batch] == ["first", "second", "third", "fourth"]
    assert ["second", "third"] in [batch[:2] for batch in judge.batches]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_fault_reaches_those_who_ask_and_no_later_call() -> None:
    answers = iter([JudgeFault("the compiler is gone"), JudgeFault("gone again"), None])

    class Failing(FakeJudge):
        def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
            fault = next(answers)
            if fault is not None:
                raise fault
            return super().judge(candidates, progress)

    with AheadJudge(Failing()) as ahead:
        with pytest.raises(JudgeFault, match="the compiler is gone"):
            ahead.judge([candidate("a", "1")])
        ahead.begin([candidate("never asked for", "2")])
        with pytest.raises(JudgeFault, match="gone again"):
            ahead.judge([candidate("never asked for", "2")])
        assert [one.status for one in ahead.judge([candidate("a", "3")])] == ["passed"]


def test_a_judge_that_loses_a_verdict_does_not_leave_anybody_waiting() -> None:
    class Losing(FakeJudge):
        def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
            return super().judge(candidates, progress)[1:]

    with AheadJudge(Losing()) as ahead, pytest.raises(ValueError, match="shorter"):
        ahead.judge([candidate("a", "1"), candidate("b", "2")])


class Closable(FakeJudge):
    closed = False

    def close(self) -> None:
        self.closed = True


def test_nothing_begins_after_closing_and_the_judge_stays_open() -> None:
    judge = Closable()
    ahead = AheadJudge(judge)
    ahead.begin([candidate("a", "1")])
    ahead.close()
    ahead.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        ahead.begin([candidate("b", "2")])
    assert not judge.closed
