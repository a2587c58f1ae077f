"""Pairs of files that no training saw, judged in their crates where that is possible."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from rustml.errors import InputError
from rustml.evaluation.kinds.kind import ItemSource, SuiteKind
from rustml.evaluation.results.suite_result import RATER, SuiteResult, mean, share
from rustml.profile.evaluation import SuiteSection
from rustml.records import Problem
from rustml.tasks import TASKS

if TYPE_CHECKING:
    from rustml.evaluation.results.journal import Chunk, Item
    from rustml.evaluation.suites.suite import Suite

TASK = "task"
"""Tag of a problem: the task category of its pair."""
INPLACE = "inplace"
"""Tag of a problem: what judges it in its crate. Any other value than these two is why nothing does."""
COMPILES, TESTED = "compile", "tests"
"""Judged by the compiler, and by tests as well."""
DEPENDENCIES = "dependencies-{suite}.json"
"""File of an evaluation's output: what the crates of a registry were built against."""
UNRATED = ("malformed", "refused")


class HoldoutKind(SuiteKind):
    """Held-out pairs, compared with their references by text and, in place, by compiler and tests."""

    name = "holdout"
    metrics = ("format", "exact", "edit", "syntax", "compile", "clippy", "tests", "rating")
    drawn = ("format", "compile", "clippy", "tests")
    from_pairs = True
    rated = True

    def suite(self, name: str, section: SuiteSection, source: ItemSource) -> "Suite":
        """The pairs as problems. Raises InputError where no pairs were given."""
        if source.holdout is None:
            raise InputError(f"suite {name} is made of held-out pairs: give the run of the `pairs` stage")
        return source.holdout(name, section, source.seed)

    def tasks(self, problems: Sequence[Problem]) -> dict[str, str]:
        """The task category of each pair."""
        return {problem.id: problem.tags[TASK] for problem in problems}

    def scores(self, problem: Problem, item: "Item") -> Mapping[str, float]:
        """What the pair's task is measured by."""
        from rustml.evaluation.scoring.per_task_scores import scores  # noqa: PLC0415  imports this module

        return scores(problem, item.code, item.verdict, item.rating)

    def files(self, suite: "Suite", chunks: "Sequence[Chunk]") -> Mapping[str, bytes]:  # noqa: ARG002
        """The packages that crates of a registry were built against."""
        if suite.account is None or not suite.account.dependencies:
            return {}
        content = msgspec.json.encode(suite.account.dependencies, order="sorted")
        return {DEPENDENCIES.format(suite=suite.name): msgspec.json.format(content)}

    def summary(self, result: SuiteResult) -> dict[str, float]:
        """Means over the items that can be measured so; how many those are stands beside them."""
        metrics = {"format_rate": share(result.samples, "format")}
        for name in sorted({name for sample in result.samples for name in sample.scores}):
            values = result.values(name)
            metrics |= {f"{name}_rate": mean(values.values()), f"{name}_items": len(values)}
        for task in sorted(set(result.tasks.values())):
            metrics |= _of_task(result, task)
        return metrics | _in_place(result) | _unrated(result)

    def columns(self, name: str, result: SuiteResult) -> dict[str, str]:
        """Share of pairs judged in place; what compiles and passes there; edit similarity, which every item has."""
        shown = {"judged in place": "in_place", "compiles": "compile", "tests pass": "tests", "likeness": "edit"}
        return {f"{name} {header}": f"{result.metric_prefix}{metric}_rate" for header, metric in shown.items()}

    def caption(self, name: str, result: SuiteResult) -> str:
        """What is asked, how many answers each share is of, and what `likeness` compares."""
        asked, compiled, tested = (result.in_place.get(key, 0) for key in ("asked", "compile", "tests"))
        return (
            f"{name}: {asked} functions of real crates, from files that no training saw. Each answer is put into its "
            f"crate in the place of the original: for {compiled} of them the crate's compiler run says whether it "
            f"compiles, for {tested} the crate's own tests say whether they pass. Likeness to the original text is of "
            f"all {len(result.outcomes)} questions, those for names and documentation included."
        )


def _in_place(result: SuiteResult) -> dict[str, float]:
    """How many pairs ask for code, and what judges them; nothing of a result made before that was counted."""
    if not result.in_place:
        return {}
    counts: dict[str, float] = {f"in_place_{name}": float(count) for name, count in result.in_place.items()}
    counts["in_place_excluded"] = float(sum(result.excluded.values()))
    asked = result.in_place["asked"]
    return counts | ({"in_place_rate": result.in_place["compile"] / asked} if asked else {})


def _of_task(result: SuiteResult, task: str) -> dict[str, float]:
    items = [item for item, category in result.tasks.items() if category == task]
    names = sorted({name for item in items for sample in result.outcomes[item] for name in sample.scores})
    means = {f"{task}.{name}": mean(result.values(name, items).values()) for name in names}
    return {f"{task}.items": len(items), **means, **_headline(result, task, items)}


def _headline(result: SuiteResult, task: str, items: Iterable[str]) -> dict[str, float]:
    """The headline metric of a known task, over the items that have it."""
    if task not in TASKS:
        return {}
    values = result.values(TASKS[task].headline, items)
    average = {f"{task}.principal": mean(values.values())} if values else {}
    return {**average, f"{task}.principal_items": len(values)}


def _unrated(result: SuiteResult) -> dict[str, float]:
    """Answers that a rater gave no rating for, by reason; nothing where none was asked."""
    if RATER not in result.protocol:
        return {}
    reasons = Counter(sample.unrated for sample in result.samples)
    return {f"unrated_{reason}": reasons[reason] for reason in UNRATED}
