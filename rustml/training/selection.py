"""Which judged answers become training records: parts of a score, thresholds by round, and the best of each problem."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from rustml import chat
from rustml.judge.repair_question import question
from rustml.profile.expert_iteration import ExpertIterationSection, WeightsSection
from rustml.records import Origin, Pair, Problem, Record, Verdict
from rustml.rust.fences import extract
from rustml.rust.style import style

TASK = "expert_iteration"
"""The `task` of the records."""
PARTS = ("compile", "tests", "lints", "idiom", "documentation")


class Answer(Record, frozen=True):
    """One answer that a model gave."""

    problem: str
    round: int
    sample: int
    """Its number among the answers of its problem and round, from 0."""
    text: str


class Judged(Record, frozen=True):
    """An answer with its verdict; without one where it holds no code to judge."""

    answer: Answer
    verdict: Verdict | None

    @property
    def is_fault(self) -> bool:
        """Whether the judge could not judge it, which says nothing about the answer."""
        return self.verdict is not None and self.verdict.status == "infrastructure"

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return self.verdict is not None and self.verdict.status == "passed"


class Provenance(Record, frozen=True):
    """Where a training record comes from, and why it became one."""

    id: str
    """Of the record."""
    problem: str
    source: str
    """Crate and file of a mined problem, else the bank."""
    licence: str
    """Of the problem."""
    round: int
    """In which the answer was drawn."""
    sample: int
    sampler: str
    """What drew it: the version, or the round whose model did."""
    scores: dict[str, float]
    """By part, and `score` for the weighted mean."""
    repairs: str = ""
    """Round and sample of the failed answer before it, as in the id of a record, where it is a repair."""


class Selected(Record, frozen=True):
    """A training record and its provenance."""

    pair: Pair
    provenance: Provenance


def scores(code: str, verdict: Verdict, weights: WeightsSection) -> dict[str, float]:
    """The parts of an answer's score, each in [0, 1], and under `score` their weighted mean."""
    look = style(code)
    parts = {
        "compile": float(bool(verdict.compiles)),
        "tests": verdict.tests_passed / verdict.tests_expected if verdict.tests_expected else 0.0,
        "lints": 0.0 if verdict.clippy_clean is None else 1 / (1 + _lints(verdict)),
        "idiom": look.idiom_score if look else 0.0,
        "documentation": look.documentation_rate if look else 0.0,
    }
    counts = {part: float(getattr(weights, part)) for part in PARTS}
    return parts | {"score": sum(parts[part] * counts[part] for part in PARTS) / sum(counts.values())}


def _lints(verdict: Verdict) -> int:
    counts = verdict.lint_counts
    return sum(counts.values()) if isinstance(counts, dict) else len(verdict.lints)


def needed(section: ExpertIterationSection, number: int) -> dict[str, float]:
    """The least value of each part, and of the score, in round `number`."""
    return {part: getattr(section.thresholds, part).value(number, section.rounds) for part in (*PARTS, "score")}


def asks_for_lints(section: ExpertIterationSection) -> bool:
    """Whether lints count in any round."""
    threshold = section.thresholds.lints
    return section.weights.lints > 0 or max(threshold.first, threshold.last) > 0


def best(
    judged: Iterable[Judged],
    problems: Mapping[str, Problem],
    section: ExpertIterationSection,
    number: int,
    version: str,
) -> list[Selected]:
    """The best answers of each problem by the thresholds of round `number`, as records for fine-tuning, and the best
    one again as the repair of some that failed.

    Of answers with the same code the first counts; of equal scores the shorter code is better. `version` names what
    drew the answers of the first round. A fault of the judge gives no record, whatever the thresholds.
    """
    least = needed(section, number)
    chosen: list[Selected] = []
    for name, group in _by_problem(judged).items():
        admitted = [made for made in _admitted(problems[name], group, section, version) if _reaches(made, least)]
        admitted.sort(key=lambda made: (-made.provenance.scores["score"], len(made.pair.answer)))
        best_ones = list(_distinct(admitted))[: section.records]
        chosen += best_ones
        if best_ones:
            chosen += _repairs(problems[name], group, best_ones[0], section.repair_records)
    return chosen


def _repairs(problem: Problem, group: Sequence[Judged], right: Selected, count: int) -> list[Selected]:
    """The best answer to a problem after each of `count` failed ones, in the words in which a repair is asked for."""
    failed = {
        each.answer.text: each
        for each in reversed(group)
        if each.verdict is not None and not each.is_fault and not each.passed
    }
    return [_repair(problem, each, right) for each in list(failed.values())[::-1][:count]]


def _repair(problem: Problem, failed: Judged, right: Selected) -> Selected:
    assert failed.verdict is not None
    sample = f"{failed.answer.round}.{failed.answer.sample}"
    name = f"{right.pair.id}<{sample}"
    earlier = ((problem.instruction, failed.answer.text),)
    pair = replace(right.pair, id=name, instruction=question(failed.verdict), earlier=earlier)
    return Selected(pair=pair, provenance=replace(right.provenance, id=name, repairs=sample))


def _by_problem(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = {}
    for each in judged:
        groups.setdefault(each.answer.problem, []).append(each)
    return groups


def _admitted(
    problem: Problem, group: Sequence[Judged], section: ExpertIterationSection, version: str
) -> Iterator[Selected]:
    for each in group:
        code = extract(each.answer.text, problem.answer_name, problem.language)
        if code is not None and each.verdict is not None and not each.is_fault:
            yield _selected(problem, each.answer, code, scores(code, each.verdict, section.weights), version)


def _reaches(made: Selected, least: Mapping[str, float]) -> bool:
    return all(made.provenance.scores[part] >= value for part, value in least.items())


def _distinct(selected: Iterable[Selected]) -> Iterator[Selected]:
    seen: set[str] = set()
    for made in selected:
        if made.pair.answer not in seen:
            seen.add(made.pair.answer)
            yield made


def _selected(problem: Problem, answer: Answer, code: str, parts: dict[str, float], version: str) -> Selected:
    origin = problem.origin or Origin(kind="bank", name=problem.bank, licence=problem.licence, path=problem.id)
    name = f"{problem.id}#{answer.round}.{answer.sample}"
    pair = Pair(
        id=name,
        task=TASK,
        instruction=problem.instruction,
        answer=chat.fenced(code, problem.language),
        origin=origin,
        language=problem.language,
    )
    provenance = Provenance(
        id=name,
        problem=problem.id,
        source=problem.bank if problem.origin is None else origin.label,
        licence=problem.licence,
        round=answer.round,
        sample=answer.sample,
        sampler=version if answer.round == 1 else f"{version}, round {answer.round - 1}",
        scores=parts,
    )
    return Selected(pair=pair, provenance=provenance)
