"""The suites of a profile: their problems read, contaminated items marked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rustml.errors import InputError
from rustml.evaluation.kinds import KINDS, ItemSource, made_from_pairs
from rustml.evaluation.suites import contamination
from rustml.evaluation.suites.protocols import PROTOCOLS, AnswerProtocol
from rustml.evaluation.suites.rules import UNSAFE, under_rules
from rustml.evaluation.suites.suite import HoldoutMaker, Suite
from rustml.generation.sampling import Sampling
from rustml.profile.curate import Decontamination
from rustml.profile.evaluation import EvaluationSection, SuiteSection
from rustml.records import Problem, read_jsonl


@dataclass(frozen=True)
class ContaminationCheck:
    """What items are searched for in."""

    ids: Path | None
    """File of ids that the user knows to be in training data; None for none."""
    pairs: Path | None
    """Output of the stage `pairs`, whose training records are searched; None for none."""
    section: Decontamination
    cache: Path


def checked_suites(
    section: EvaluationSection, source: ItemSource, only: Sequence[str], check: ContaminationCheck
) -> list[Suite]:
    """The suites named in `only` (all for none), those of their items marked that training data holds."""
    suites = suites_of(section, source.banks, seed=source.seed, only=only, holdout=source.holdout)
    questions = [problem for suite in suites if not KINDS[suite.group].from_pairs for problem in suite.problems]
    ids = contamination.listed(check.ids, [problem.id for problem in questions]) if check.ids else frozenset()
    if check.pairs is not None:
        ids |= contamination.in_training(questions, check.pairs, check.section, check.cache)
    return marked(suites, ids)


def suites_of(
    section: EvaluationSection,
    banks: Path,
    *,
    seed: int,
    only: Sequence[str] = (),
    holdout: HoldoutMaker | None = None,
) -> list[Suite]:
    """The profile's suites, their problems read from `banks/<problems>.jsonl`.

    `only` names suites; none named means all. `holdout` makes those of held-out pairs: without it they are left
    out, and refused where they are named. Raises InputError for an unknown suite, a suite without problems, ids
    that occur twice, and several samples without a temperature (they would all be the same answer).
    """
    unknown = sorted(set(only) - section.suites.keys())
    if unknown:
        raise InputError(f"no suite {', '.join(unknown)} in evaluation.suites; known: {', '.join(section.suites)}")
    left_out = set() if holdout or only else {*made_from_pairs(section.suites)}
    sections = {name: s for name, s in section.suites.items() if (not only or name in only) and name not in left_out}
    prefixes = [suite.metric_prefix for suite in sections.values()]
    if len(set(prefixes)) != len(prefixes):
        raise InputError("two of evaluation.suites have one metric_prefix: their metrics would overwrite each other")
    for name, suite in sections.items():
        _refuse_repair(name, suite)
    source = ItemSource(banks, seed, holdout)
    return [KINDS[suite.group].suite(name, suite, source) for name, suite in sections.items()]


def _refuse_repair(name: str, section: SuiteSection) -> None:
    asking = sorted(protocol.name for protocol in PROTOCOLS.values() if protocol.asks_again)
    if section.repair and (section.group != "rust" or section.protocol not in asking):
        raise InputError(
            f"evaluation.suites.{name}.repair: a second attempt is there for the group rust with one of the protocols "
            f"{', '.join(asking)}, and this is the group {section.group} with {section.protocol}"
        )


def marked(suites: Sequence[Suite], contaminated: Collection[str]) -> list[Suite]:
    """The suites, with those of their items marked that were found in training data: a gate refuses them."""
    return [
        replace(suite, contaminated=tuple(problem.id for problem in suite.problems if problem.id in contaminated))
        for suite in suites
    ]


def suite_of_bank(name: str, section: SuiteSection, source: ItemSource) -> Suite:
    """A suite whose items are problems of a bank. Raises InputError as `suites_of` does."""
    if section.samples > 1 and section.temperature == 0:
        raise InputError(
            f"evaluation.suites.{name}: {section.samples} greedy samples would be equal; raise temperature"
        )
    protocol = PROTOCOLS[section.protocol]
    path = source.banks / f"{section.problems}.jsonl"
    bank = tuple(read_jsonl(path, Problem))
    items, lost = under_rules(_items(name, path, bank, protocol, section.limit), section)
    if not items:
        raise InputError(f"evaluation.suites.{name}: unsafe_code: refused leaves no problem of {path}")
    if fault := next(filter(None, map(protocol.lacks, items)), ""):
        raise InputError(f"evaluation.suites.{name}: {path}: {fault}")
    return Suite(
        name=name,
        group=section.group,
        metric_prefix=section.metric_prefix,
        problems=items,
        excluded={UNSAFE: len(lost)} if lost else {},
        excluded_ids=lost,
        repair=section.repair,
        protocol=protocol,
        sampling=Sampling.from_section(section, protocol.stops, source.seed),
        shots=_shots(path, (*bank, *_prompts(path)), protocol),
    )


def _items(
    name: str, path: Path, bank: tuple[Problem, ...], protocol: AnswerProtocol, limit: int
) -> tuple[Problem, ...]:
    """The problems that are asked: all, or the test split where the protocol takes its examples from the others."""
    test_split = tuple(problem for problem in bank if not protocol.shots or problem.split == "test")
    items = test_split[:limit] if limit else test_split
    if not items:
        raise InputError(f"{path} holds no problems for suite {name}")
    if len({problem.id for problem in items}) != len(items):
        raise InputError(f"{path}: problem ids occur twice, so items could not be paired")
    return items


def _prompts(path: Path) -> tuple[Problem, ...]:
    """The few-shot problems of a bank, which the stage `bank` keeps in a file of their own beside its tests."""
    beside = path.with_name(f"{path.stem}-prompt.jsonl")
    return tuple(read_jsonl(beside, Problem)) if beside.exists() else ()


def _shots(path: Path, bank: tuple[Problem, ...], protocol: AnswerProtocol) -> tuple[Problem, ...]:
    solved = {problem.id: problem for problem in bank if problem.id in protocol.shots}
    missing = [shot for shot in protocol.shots if shot not in solved]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}, which protocol {protocol.name} shows as solved examples")
    return tuple(solved[shot] for shot in protocol.shots)
