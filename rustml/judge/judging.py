"""What the rest of the package asks of a judge: candidates in, verdicts out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, Self

from rustml.progress import ProgressCallback
from rustml.records import Candidate, Verdict


class Judging(Protocol):
    """A judge: `rustml.judge.Judge`, a judge in crates, or the double of `rustml.testing`."""

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in the order of the candidates."""
        ...


class Closing(ABC):
    """Is closed when its `with` block ends."""

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
