"""What judges on other machines share: bounded parts of candidates, under numbers, and what they say about crates."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from rustml.judge.judging import Closing
from rustml.judge.verdicts import with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Dependency, Verdict

PART_BYTES = 8 << 20
"""Of one part, at most; one candidate is sent however long its tests are."""


class DistantJudge(Closing):
    """A judge that others carry out."""

    @abstractmethod
    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order."""

    def crates_fault(self, dependencies: tuple[Dependency, ...]) -> str:
        """Why candidates that name these crates could not be judged; empty where they can."""
        if not dependencies:
            return ""
        asked = Candidate(id="crates", code="", tests="", entry_point="", dependencies=dependencies)
        (verdict,) = self.judge([asked])
        return verdict.detail if verdict.status == "infrastructure" else ""


def parts(positions: Sequence[int], candidates: Sequence[Candidate], count: int) -> Iterator[list[int]]:
    """Positions in parts of at most `count` candidates and PART_BYTES."""
    part: list[int] = []
    size = 0
    for position in positions:
        one = candidates[position]
        length = len(one.code) + len(one.tests) + len(one.prelude)
        if part and (len(part) == count or size + length > PART_BYTES):
            yield part
            part, size = [], 0
        part.append(position)
        size += length
    if part:
        yield part


def numbered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates under ids that differ: a caller's need not."""
    return [with_id(one, str(number)) for number, one in enumerate(candidates)]


def are_answers(verdicts: Sequence[Verdict], asked: Sequence[Candidate]) -> bool:
    """Whether the verdicts are those of the candidates, in their order."""
    return [verdict.id for verdict in verdicts] == [one.id for one in asked]
