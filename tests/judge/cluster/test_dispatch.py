"""Parts are handed out to nodes at most two at a time, again where a node is lost, and each is answered once."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import JudgeFault
from rustml.judge.cluster.dispatch import ATTEMPTS, IN_FLIGHT, Answer, answers, part_size
from rustml.records import Candidate
from rustml.testing import make_verdict


class Nodes:
    """A crew in memory: `draw` picks whose turn it is, and a step that is in `deaths` ends the node instead."""

    def __init__(
        self, count: int, deaths: set[int], draw: Any = lambda nodes: nodes[0], *, started_again: bool = False
    ) -> None:
        self.has: dict[str, list[tuple[int, list[Candidate]]]] = {f"n{at}": [] for at in range(count)}
        self.deaths, self.draw, self.step, self.most = deaths, draw, 0, 0
        self.started_again = started_again
        self.judged: dict[int, int] = defaultdict(int)

    def names(self) -> list[str]:
        return list(self.has)

    def give(self, node: str, part: int, candidates: list[Candidate]) -> None:
        self.has[node].append((part, candidates))
        self.most = max(self.most, len(self.has[node]))

    def answer(self) -> Answer:
        node = self.draw([name for name, parts in self.has.items() if parts])
        self.step += 1
        part, candidates = self.has[node].pop(0)
        if self.step - 1 in self.deaths:
            del self.has[node]
            if self.started_again:
                self.has[node] = []
            return Answer(node, part, None)
        self.judged[part] += 1
        return Answer(node, part, [make_verdict(one.id, "passed") for one in candidates])


def parts_of(count: int) -> list[list[Candidate]]:
    return [[Candidate(id=str(at), code="", tests="", entry_point="")] for at in range(count)]


@given(st.data(), st.integers(1, 5), st.integers(0, 20), st.sets(st.integers(0, 25), max_size=4))
def test_each_part_is_answered_once_or_the_judge_says_why_not(
    data: st.DataObject, nodes: int, count: int, deaths: set[int]
) -> None:
    crew = Nodes(nodes, deaths, lambda names: data.draw(st.sampled_from(names)))
    told: list[int] = []
    fault = ""
    try:
        for part, verdicts in answers(crew, parts_of(count)):
            assert [one.id for one in verdicts] == [str(part)]
            told.append(part)
    except JudgeFault as error:
        fault = str(error)
    if fault:
        assert not crew.has or f"{ATTEMPTS} nodes" in fault
        assert sum(at < crew.step for at in deaths) >= min(nodes, ATTEMPTS)
    else:
        assert sorted(told) == list(range(count))
    assert len(told) == len(set(told))
    assert crew.most <= IN_FLIGHT


def test_a_lost_nodes_parts_go_to_another_first() -> None:
    crew = Nodes(2, {0})
    order = [part for part, _ in answers(crew, parts_of(6))]
    assert order[:2] == [1, 3], "the other node finishes what it has"
    assert order[2:] == [0, 2, 4, 5]
    assert set(crew.judged.values()) == {1}


def test_without_a_node_the_judge_names_those_that_were_lost() -> None:
    with pytest.raises(JudgeFault, match=r"no node of the Ray cluster is left to judge; lost: n0, n1"):
        list(answers(Nodes(2, {0, 1}), parts_of(4)))
    with pytest.raises(JudgeFault, match=r"left to judge\."):
        list(answers(Nodes(0, set()), parts_of(1)))


def test_a_node_that_is_started_again_gets_its_work_back() -> None:
    crew = Nodes(1, {0, 2}, started_again=True)
    assert sorted(part for part, _ in answers(crew, parts_of(5))) == list(range(5))
    assert set(crew.judged.values()) == {1}


def test_a_part_that_ends_every_judge_ends_the_attempts_although_nodes_are_started_again() -> None:
    with pytest.raises(JudgeFault, match="3 nodes of the Ray cluster were lost"):
        list(answers(Nodes(1, {0, 1, 2}, started_again=True), parts_of(1)))


def test_candidates_that_are_there_whenever_a_node_is_lost_end_the_attempts() -> None:
    with pytest.raises(JudgeFault, match=r"3 nodes of the Ray cluster were lost \(n0, n1, n2\)"):
        list(answers(Nodes(5, {0, 1, 2}), parts_of(1)))


def test_nothing_is_asked_before_an_answer_is_taken() -> None:
    crew = Nodes(2, set())
    stream = answers(crew, parts_of(20))
    next(stream)
    assert sum(len(parts) for parts in crew.has.values()) == 2 * IN_FLIGHT - 1


@given(st.integers(1, 10_000), st.lists(st.integers(1, 64), min_size=1, max_size=8))
def test_every_node_gets_work_and_none_much_at_a_time(candidates: int, processors: list[int]) -> None:
    size = part_size(candidates, processors)
    assert 1 <= size <= 32 * min(processors)
    assert -(-candidates // size) >= min(candidates, len(processors))
