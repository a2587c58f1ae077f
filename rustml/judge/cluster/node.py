"""What runs on a node of the cluster: a judge of its own, behind an actor."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from rustml.errors import JudgeFault, RustmlError
from rustml.judge.judging import Judging
from rustml.judge.remote.exchange import JudgeFacts
from rustml.records import Candidate, Verdict


class NodesJudge(Judging, AbstractContextManager[Any], Protocol):
    """A judge that is closed at the end."""


Opener = Callable[[int], tuple[NodesJudge, JudgeFacts]]
"""Opens a judge of so many workers where it is called, and says what judges there. Ray carries it to the nodes."""


class JudgeActor:
    """A node's judge. An error of our own is returned as a value: Ray would wrap an exception."""

    def __init__(self) -> None:
        self._judge: NodesJudge | None = None

    def open(self, opener: Opener, workers: int) -> JudgeFacts | RustmlError:
        """Check tools and sandbox of this node, and open the judge."""
        try:
            self._judge, facts = opener(workers)
        except RustmlError as error:
            return error
        return facts

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict] | RustmlError:
        """One verdict per candidate, in their order."""
        try:
            if self._judge is None:
                raise JudgeFault("the node's judge is not open")
            return self._judge.judge(candidates)
        except RustmlError as error:
            return error

    def close(self) -> None:
        """End the judge and remove its files."""
        if self._judge is not None:
            self._judge.__exit__(None, None, None)
            self._judge = None
