"""Every case is run to its end exactly once, however slow its neighbours are and wherever a supervisor dies."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import JudgeFault
from rustml.judge.rust.test_runner import CaseRunner
from rustml.sandbox.processes import Completed, Processes
from rustml.sandbox.unconfined import Unconfined
from tests.support.judge_cases import LIMITS

CASES = 12


class Supervisors(Processes):
    """Stands for sandboxed test programs: some cases are slow, and some end the supervisor the first times it comes."""

    def __init__(self, slow: set[int], deadly: dict[int, int]) -> None:
        super().__init__()
        self.slow, self.deadly = slow, Counter(deadly)
        self.ended: Counter[int] = Counter()
        self.calls: list[list[int]] = []

    def run(self, argv: Sequence[str], **given: Any) -> Completed:  # noqa: ARG002
        """Answer as the harness's `supervise` does."""
        nonce, *words = given["stdin"].decode().split()
        cases = list(map(int, words[7:]))
        self.calls.append(cases)
        lines = []
        for case in cases:
            if self.deadly[case] > 0:
                self.deadly[case] -= 1
                return self._completed("".join(lines))
            self.ended[case] += 1
            lines.append(f"{nonce} {case} 0 p\n{nonce} {case} end exit:0 10 20\n")
            if case in self.slow:
                break
        return self._completed("".join(lines) + f"{nonce} done\n")

    def _completed(self, text: str) -> Completed:
        return Completed(0, text.encode(), b"", expired=False, flooded=False, seconds=0.0)


def runner(supervisors: Supervisors, workers: int = 2) -> CaseRunner:
    return CaseRunner(Unconfined(), supervisors, LIMITS, [], workers)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "main"
    path.write_bytes(b"")
    return path


@given(
    slow=st.sets(st.integers(0, CASES - 1)),
    deadly=st.dictionaries(st.integers(0, CASES - 1), st.just(1)),
    workers=st.integers(1, 4),
)
def test_every_case_ends_once(program: Path, slow: set[int], deadly: dict[int, int], workers: int) -> None:
    supervisors = Supervisors(slow, deadly)
    under_test = runner(supervisors, workers)
    lost_alone = False
    try:
        reports = under_test.run(program, range(CASES))
    except JudgeFault:
        lost_alone = True
    under_test.close()
    if lost_alone:  # a case that was alone with its supervisor when that died is the judge's fault
        assert any(len(call) == 1 and call[0] in deadly for call in supervisors.calls)
    else:
        assert supervisors.ended == dict.fromkeys(range(CASES), 1)
        assert {case: report.passed for case, report in reports.items()} == {case: {0} for case in range(CASES)}


def test_quick_cases_share_one_sandbox(program: Path) -> None:
    supervisors = Supervisors(set(), {})
    runner(supervisors).run(program, range(CASES))
    assert supervisors.calls == [list(range(CASES))]


def test_what_a_slow_case_leaves_is_shared_out_among_the_workers(program: Path) -> None:
    supervisors = Supervisors({0}, {})
    runner(supervisors, workers=3).run(program, range(7))
    assert sorted(supervisors.calls[1:]) == [[1, 4], [2, 5], [3, 6]]


def test_a_case_that_its_supervisor_never_survives_is_the_judges_fault(program: Path) -> None:
    with pytest.raises(JudgeFault, match="refused to confine"):
        runner(Supervisors(set(), {5: 2})).run(program, range(CASES))
