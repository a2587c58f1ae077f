"""Nodes are opened, lost and named, against a double of Ray whose actors answer at once."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.judge.cluster.crew import RayCrew
from rustml.judge.remote.exchange import JudgeFacts
from rustml.testing import make_verdict

FACTS = JudgeFacts(limits={}, rust="1", python="3", sandbox="none", code="c")


class RayError(Exception):
    pass


class RayTaskError(RayError):
    pass


class Reply:
    def __init__(self, value: Any) -> None:
        self.value = value


class Ray:
    """What the crew uses of Ray. `says` is what each node's actor replies to all; None never comes."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, **says: Any) -> None:
        self.says, self.left, self.killed = says, set[str](), list[str]()

    def nodes(self) -> list[dict[str, Any]]:
        rows = [(name, {"CPU": 2.0}, name not in self.left) for name in self.says] + [("head", {}, True)]
        return [
            {"NodeID": name, "NodeManagerHostname": "host", "Alive": alive, "Resources": resources}
            for name, resources, alive in rows
        ]

    def remote(self, _kind: type) -> Any:
        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=lambda: self._actor(options)))

    def _actor(self, options: dict[str, Any]) -> Any:
        name = options["scheduling_strategy"]
        method = SimpleNamespace(remote=lambda *_given: Reply(self.says[name]))
        return SimpleNamespace(name=name, open=method, judge=method, close=method)

    def wait(self, replies: list[Reply], **_options: Any) -> tuple[list[Reply], list[Reply]]:
        ready = [reply for reply in replies if reply.value is not None]
        return (ready[:1] if _options["num_returns"] == 1 else ready), []

    def get(self, reply: Reply) -> Any:
        if isinstance(reply.value, RayError):
            raise reply.value
        return reply.value

    def kill(self, actor: Any, *, no_restart: bool) -> None:
        assert no_restart
        self.killed.append(actor.name)


@pytest.fixture(autouse=True)
def _strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("ray.util.scheduling_strategies")
    module.NodeAffinitySchedulingStrategy = lambda name, soft: name if not soft else None  # type: ignore[attr-defined]
    for name in ("ray", "ray.util"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_every_node_with_processors_opens_a_judge() -> None:
    crew = RayCrew(Ray(a=FACTS, b=FACTS))
    assert crew.open(lambda _: None, None) == {"host (a)": FACTS, "host (b)": FACTS}
    assert crew.processors() == [2, 2]


def test_each_node_whose_judge_does_not_open_is_named_with_the_reason() -> None:
    crew = RayCrew(Ray(a=FACTS, b=InputError("no cargo"), c=RayError("it broke\nfor a reason"), d=None))
    with pytest.raises(EnvironmentFault) as refusal:
        crew.open(lambda _: None, None)
    assert str(refusal.value).splitlines() == [
        "the judge does not open on 3 of 4 nodes of the Ray cluster:",
        "  host (b): no cargo",
        "  host (c): for a reason",
        "  host (d): it does not answer in 600 s",
    ]


def test_a_node_that_leaves_while_it_opens_is_left_out() -> None:
    ray = Ray(a=FACTS, b=RayError("gone"))
    crew = RayCrew(ray)
    ray.left.add("b")
    assert crew.open(lambda _: None, None) == {"host (a)": FACTS}
    assert (crew.names(), ray.killed) == (["host (a)"], ["b"])


def test_a_cluster_without_processors_is_refused() -> None:
    with pytest.raises(EnvironmentFault, match="no node of the Ray cluster has a processor"):
        RayCrew(Ray()).open(lambda _: None, None)


def test_of_a_lost_node_there_is_one_answer() -> None:
    ray = Ray(a=RayError("died"), b=[make_verdict("0", "passed")])
    crew = RayCrew(ray)
    for part in range(2):
        crew.give("host (a)", part, [])
    crew.give("host (b)", 2, [])
    assert crew.answer() == ("host (a)", 0, None)
    assert crew.answer() == ("host (b)", 2, ray.says["b"])
    assert (crew.names(), crew._asked, ray.killed) == (["host (b)"], {}, ["a"])
    crew.close()
    assert ray.killed == ["a", "b"]


def test_an_actor_that_ends_is_started_again_where_its_node_is_there_and_judges_as_before() -> None:
    ray = Ray(a=FACTS, b=FACTS, c=FACTS)
    crew = RayCrew(ray)
    crew.open(lambda _: None, None)
    ray.says.update(a=RayError("killed"), b=RayError("killed"), c=RayError("gone"))
    for part, name in enumerate("abc"):
        crew.give(f"host ({name})", part, [])
    ray.says.update(a=FACTS, b=JudgeFacts(limits={}, rust="2", python="3", sandbox="none", code="c"))
    ray.left.add("c")
    assert {crew.answer() for _ in "abc"} == {("host (a)", 0, None), ("host (b)", 1, None), ("host (c)", 2, None)}
    assert crew.names() == ["host (a)"]
    ray.says["a"] = [make_verdict("0", "passed")]
    crew.give("host (a)", 0, [])
    assert crew.answer() == ("host (a)", 0, ray.says["a"])


def test_what_a_nodes_judge_raises_is_raised_here() -> None:
    crew = RayCrew(Ray(a=InputError("of ours"), b=RayTaskError("trace\nKeyError: 1")))
    crew.give("host (a)", 0, [])
    with pytest.raises(InputError, match="of ours"):
        crew.answer()
    crew.give("host (b)", 0, [])
    with pytest.raises(Exception, match=r"the judge on host \(b\) failed: KeyError: 1"):
        crew.answer()
