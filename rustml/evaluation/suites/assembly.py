"""Suites: problems, the protocol they are asked in, and how often an answer is drawn."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from rustml.errors import InputError
from rustml.evaluation.context import Judging
from rustml.evaluation.suites.protocols import PROTOCOLS, AnswerProtocol
from rustml.generation.engines.transformers import Sampling
from rustml.profile.evaluation import EvaluationSection, Group, SuiteSection
from rustml.records import Problem, read_jsonl


@dataclass(frozen=True)
class Suite:
    """What one suite asks of a model."""

    name: str
    group: Group
    metric_prefix: str
    problems: tuple[Problem, ...]
    protocol: AnswerProtocol
    sampling: Sampling
    shots: tuple[Problem, ...] = ()
    """Solved examples that every prompt shows."""
    contaminated: tuple[str, ...] = ()
    """Ids of its problems that were found in training data."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Problems of the bank that are no item, counted by reason."""
    judge: Judging | None = None
    """Who judges it; None: whoever judges everything else."""

    @property
    def data_digest(self) -> str:
        """SHA-256 of the problems, their tests included."""
        return hashlib.sha256(msgspec.json.encode(self.problems)).hexdigest()


HoldoutMaker = Callable[[str, SuiteSection, int], Suite]
"""Makes a hold-out suite of a name, its section and the seed."""


def suites_of(
    section: EvaluationSection,
    banks: Path,
    *,
    seed: int,
    only: Sequence[str] = (),
    holdout: HoldoutMaker | None = None,
) -> list[Suite]:
    """The profile's suites, their problems read from `banks/<problems>.jsonl`.

    `only` names suites; none named means all. `holdout` makes those of the group `holdout`: without it they are left
    out, and refused where they are named. Raises InputError for an unknown suite, a suite without problems, ids
    that occur twice, and several samples without a temperature (they would all be the same answer).
    """
    unknown = sorted(set(only) - section.suites.keys())
    if unknown:
        raise InputError(f"no suite {', '.join(unknown)} in evaluation.suites; known: {', '.join(section.suites)}")
    chosen = {name: suite for name, suite in section.suites.items() if not only or name in only}
    prefixes = [suite.metric_prefix for suite in chosen.values()]
    if len(set(prefixes)) != len(prefixes):
        raise InputError("two of evaluation.suites have one metric_prefix: their metrics would overwrite each other")
    if holdout is None:
        chosen = _without_holdout(chosen, only)
    return [
        holdout(name, suite, seed)
        if suite.group == "holdout" and holdout is not None
        else _suite(name, suite, banks, seed)
        for name, suite in chosen.items()
    ]


def marked(suites: Sequence[Suite], contaminated: Collection[str]) -> list[Suite]:
    """The suites, with those of their items marked that were found in training data: a gate refuses them."""
    return [
        replace(suite, contaminated=tuple(problem.id for problem in suite.problems if problem.id in contaminated))
        for suite in suites
    ]


def _without_holdout(chosen: Mapping[str, SuiteSection], only: Sequence[str]) -> dict[str, SuiteSection]:
    held = [name for name, suite in chosen.items() if suite.group == "holdout"]
    if set(held) & set(only):
        raise InputError(f"suite {held[0]} is made of held-out pairs: give the run of the `pairs` stage")
    return {name: suite for name, suite in chosen.items() if name not in held}


def _suite(name: str, section: SuiteSection, banks: Path, seed: int) -> Suite:
    if section.samples > 1 and section.temperature == 0:
        raise InputError(
            f"evaluation.suites.{name}: {section.samples} greedy samples would be equal; raise temperature"
        )
    protocol = PROTOCOLS[section.protocol]
    path = banks / f"{section.problems}.jsonl"
    bank = tuple(read_jsonl(path, Problem))
    problems = _items(name, path, bank, protocol, section.limit)
    return Suite(
        name=name,
        group=section.group,
        metric_prefix=section.metric_prefix,
        problems=problems,
        protocol=protocol,
        sampling=Sampling.from_section(section, protocol.stops, seed),
        shots=_shots(path, bank, protocol),
    )


def _items(
    name: str, path: Path, bank: tuple[Problem, ...], protocol: AnswerProtocol, limit: int
) -> tuple[Problem, ...]:
    """The problems that are asked: all, or the test split where the protocol takes its examples from the others."""
    asked = tuple(problem for problem in bank if not protocol.shots or problem.split == "test")
    chosen = asked[:limit] if limit else asked
    if not chosen:
        raise InputError(f"{path} holds no problems for suite {name}")
    if len({problem.id for problem in chosen}) != len(chosen):
        raise InputError(f"{path}: problem ids occur twice, so items could not be paired")
    return chosen


def _shots(path: Path, bank: tuple[Problem, ...], protocol: AnswerProtocol) -> tuple[Problem, ...]:
    found = {problem.id: problem for problem in bank if problem.id in protocol.shots}
    missing = [shot for shot in protocol.shots if shot not in found]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}, which protocol {protocol.name} shows as solved examples")
    return tuple(found[shot] for shot in protocol.shots)
