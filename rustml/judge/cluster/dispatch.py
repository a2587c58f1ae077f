"""Parts of the work handed out to nodes, and again where a node is lost. It knows nothing of Ray."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from rustml.errors import JudgeFault
from rustml.records import Candidate, Verdict

IN_FLIGHT = 2
"""Parts that a node has at a time: one that it judges, and the next. The others wait here: back-pressure."""
ATTEMPTS = 3
"""Nodes that may be lost with one part before the judge gives up."""
PER_PROCESSOR = 32
"""Candidates of one part, at most, for each processor of a node."""


class Answer(NamedTuple):
    """What came of a part."""

    node: str
    part: int
    verdicts: list[Verdict] | None
    """None where the node was lost."""


class Crew(Protocol):
    """Nodes that judge."""

    def names(self) -> list[str]:
        """Those that are there."""
        ...

    def give(self, node: str, part: int, candidates: list[Candidate]) -> None:
        """Hand a part to a node. A node that is gone shows in `answer`."""
        ...

    def answer(self) -> Answer:
        """Wait for the next answer. Of a lost node there is one; what else it had has none.

        A lost node whose judge was started again is among `names` at once.
        """
        ...


def part_size(candidates: int, processors: Sequence[int]) -> int:
    """Candidates per part, for nodes with so many processors each: all get some, none gets much at a time."""
    share = -(-candidates // (IN_FLIGHT * max(1, len(processors))))
    return max(1, min(share, PER_PROCESSOR * min(processors, default=1)))


def answers(crew: Crew, parts: Sequence[list[Candidate]]) -> Iterator[tuple[int, list[Verdict]]]:
    """The verdicts on each part, once, as they come.

    Raises JudgeFault when no node is left, or when one part was lost with ATTEMPTS of them.
    """
    waiting = deque(range(len(parts)))
    given: dict[str, list[int]] = {name: [] for name in crew.names()}
    losses: Counter[int] = Counter()
    gone: list[str] = []
    while waiting or any(given.values()):
        _require_nodes(given, gone)
        while waiting and len(given[node := min(given, key=lambda name: len(given[name]))]) < IN_FLIGHT:
            part = waiting.popleft()
            given[node].append(part)
            crew.give(node, part, parts[part])
        answer = crew.answer()
        if answer.verdicts is not None:
            given[answer.node].remove(answer.part)
            yield answer.part, answer.verdicts
            continue
        lost = given.pop(answer.node)
        gone.append(answer.node)
        losses.update(lost)
        _require_hope(losses, gone)
        waiting.extendleft(reversed(lost))
        if answer.node in crew.names():
            given[answer.node] = []


def _require_nodes(given: dict[str, list[int]], gone: list[str]) -> None:
    if not given:
        lost = f"; lost: {', '.join(gone)}" if gone else ""
        raise JudgeFault(f"no node of the Ray cluster is left to judge{lost}. Start nodes, and run this again")


def _require_hope(losses: Counter[int], gone: list[str]) -> None:
    if losses and max(losses.values()) >= ATTEMPTS:
        raise JudgeFault(
            f"the same candidates were being judged when {ATTEMPTS} nodes of the Ray cluster were lost "
            f"({', '.join(gone)}). No verdict was given; look at memory and logs of the nodes, and run this again"
        )
