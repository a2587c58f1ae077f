"""The nodes of a Ray cluster, a judge on each: opened, asked and ended. Ray's names occur here alone."""

from dataclasses import dataclass, field
from typing import Any

from rustml.errors import EnvironmentFault, JudgeFault, RustmlError
from rustml.judge.cluster.dispatch import Answer
from rustml.judge.cluster.node import JudgeActor, Opener
from rustml.judge.remote.exchange import JudgeFacts
from rustml.records import Candidate

START_SECONDS = 600.0
"""For all nodes to open their judges, which compiles the harness."""
RESTART_SECONDS = 120.0
"""For one node to open its judge again, whose harness is compiled there already."""
CLOSE_SECONDS = 20.0
"""For idle judges to remove their files before their processes are ended."""


@dataclass
class _Node:
    """A node that judges."""

    actor: Any
    processors: int
    asked: set[Any] = field(default_factory=set)
    """What it has not answered."""


class RayCrew:
    """One actor per node, which stays there. One that ends is started again, unless its node is gone too."""

    def __init__(self, ray: Any) -> None:
        """Start an actor on each node that has processors."""
        self._ray = ray
        self._asked: dict[Any, tuple[str, int]] = {}
        self._opener: Opener | None = None
        self._workers: int | None = None
        self._facts: dict[str, JudgeFacts] = {}
        self._nodes = {_name(node): self._started(node) for node in ray.nodes() if _judges(node)}

    def _started(self, node: dict[str, Any]) -> _Node:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415  an optional extra

        place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        actor = self._ray.remote(JudgeActor).options(num_cpus=0, max_restarts=0, scheduling_strategy=place)
        return _Node(actor.remote(), int(node["Resources"]["CPU"]))

    def open(self, opener: Opener, workers: int | None) -> dict[str, JudgeFacts]:
        """Open a judge on every node, with as many workers as it has processors; what judges there, by node.

        A node that leaves the cluster meanwhile is left out. Raises EnvironmentFault naming every other node whose
        judge does not open, and why, and where no node has a processor.
        """
        self._opener, self._workers = opener, workers
        told = self._opened()
        here = {_name(node) for node in self._ray.nodes() if _judges(node)}
        for name in [name for name, facts in told.items() if isinstance(facts, str) and name not in here]:
            self._lose(name)
            del told[name]
        faults = {name: reason for name, reason in told.items() if not isinstance(reason, JudgeFacts)}
        if faults:
            reasons = "\n".join(f"  {name}: {reason}" for name, reason in faults.items())
            raise EnvironmentFault(
                f"the judge does not open on {len(faults)} of {len(told)} nodes of the Ray cluster:\n{reasons}"
            )
        if not told:
            raise EnvironmentFault("no node of the Ray cluster has a processor; start nodes with --num-cpus")
        self._facts = {name: facts for name, facts in told.items() if isinstance(facts, JudgeFacts)}
        return dict(self._facts)

    def _opened(self) -> dict[str, JudgeFacts | RustmlError | str]:
        """What each node says when it is asked to open its judge; as text what Ray says in its place."""
        asked = {self._asked_to_open(node): name for name, node in self._nodes.items()}
        answered = self._ray.wait(list(asked), num_returns=len(asked), timeout=START_SECONDS)[0] if asked else []
        late = f"it does not answer in {START_SECONDS:.0f} s"
        return {name: self._reply(reply) if reply in answered else late for reply, name in asked.items()}

    def _asked_to_open(self, node: _Node) -> Any:
        return node.actor.open.remote(self._opener, self._workers or node.processors)

    def _reply(self, reply: Any) -> JudgeFacts | RustmlError | str:
        try:
            said: JudgeFacts | RustmlError = self._ray.get(reply)
        except self._ray.exceptions.RayError as error:
            return _last_line(error)
        return said

    def names(self) -> list[str]:
        """The nodes that are there."""
        return list(self._nodes)

    def processors(self) -> list[int]:
        """Of each node."""
        return [node.processors for node in self._nodes.values()]

    def give(self, node: str, part: int, candidates: list[Candidate]) -> None:
        """Hand a part to a node, which judges its parts in turn."""
        reply = self._nodes[node].actor.judge.remote(candidates)
        self._asked[reply] = node, part
        self._nodes[node].asked.add(reply)

    def answer(self) -> Answer:
        """Wait for a node. Raises what its judge raised, as an error of our own."""
        (reply,), _ = self._ray.wait(list(self._asked), num_returns=1)
        name, part = self._asked.pop(reply)
        self._nodes[name].asked.discard(reply)
        try:
            verdicts = self._ray.get(reply)
        except self._ray.exceptions.RayTaskError as error:
            raise JudgeFault(f"the judge on {name} failed: {_last_line(error)}") from error
        except self._ray.exceptions.RayError:
            self._lose(name)
            self._start_again(name)
            return Answer(name, part, None)
        if isinstance(verdicts, RustmlError):
            raise verdicts
        return Answer(name, part, verdicts)

    def _lose(self, name: str) -> None:
        """Forget a node and what it may still answer."""
        node = self._nodes.pop(name)
        for reply in node.asked:
            self._asked.pop(reply, None)
        self._ray.kill(node.actor, no_restart=True)

    def _start_again(self, name: str) -> None:
        """Give a node that is still there another actor, where its judge opens as it did."""
        rows = [row for row in self._ray.nodes() if _judges(row) and _name(row) == name]
        if name not in self._facts or not rows:
            return
        node = self._started(rows[0])
        reply = self._asked_to_open(node)
        answered, _ = self._ray.wait([reply], num_returns=1, timeout=RESTART_SECONDS)
        if answered and self._reply(reply) == self._facts[name]:
            self._nodes[name] = node
        else:
            self._ray.kill(node.actor, no_restart=True)

    def forget(self) -> None:
        """Take no answer to what was asked before."""
        self._asked.clear()

    def close(self) -> None:
        """End all actors: idle ones remove their files first, and the next judge there removes those of the others."""
        replies = [node.actor.close.remote() for node in self._nodes.values() if not node.asked]
        if replies:
            self._ray.wait(replies, num_returns=len(replies), timeout=CLOSE_SECONDS)
        for node in self._nodes.values():
            self._ray.kill(node.actor, no_restart=True)
        self._nodes.clear()


def _judges(node: dict[str, Any]) -> bool:
    return bool(node["Alive"]) and node["Resources"].get("CPU", 0) >= 1


def _name(node: dict[str, Any]) -> str:
    """Host and the start of Ray's id: two nodes may share a host."""
    return f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
