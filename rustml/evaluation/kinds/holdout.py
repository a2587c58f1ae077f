"""Pairs of files that no training saw, judged in their crates where that is possible."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rustml.errors import InputError
from rustml.evaluation.kinds.kind import ItemSource, SuiteKind
from rustml.evaluation.results.suite_result import RATER, SuiteResult, mean, share
from rustml.profile.evaluation import SuiteSection
from rustml.records import Problem
from rustml.tasks import TASKS

if TYPE_CHECKING:
    from rustml.evaluation.results.journal import Item
    from rustml.evaluation.suites.suite import Suite

TASK = "task"
"""Tag of a problem: the task category of its pair."""
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
        from rustml.evaluation.scoring.per_task_scores import scores  # noqa: PLC0415  loads the in-crate judge

        return scores(problem, item.code, item.verdict, item.rating)

    def summary(self, result: SuiteResult) -> dict[str, float]:
        """Means over the items that can be measured so; how many those are stands beside them."""
        metrics = {"format_rate": share(result.samples, "format")}
        for name in sorted({name for sample in result.samples for name in sample.scores}):
            values = result.values(name)
            metrics |= {f"{name}_rate": mean(values.values()), f"{name}_items": len(values)}
        for task in sorted(set(result.tasks.values())):
            metrics |= _of_task(result, task)
        return metrics | _unrated(result)

    def columns(self, name: str, result: SuiteResult) -> dict[str, str]:
        """Tests passed in place, and edit similarity, which every item has."""
        return {f"{name} {metric}": f"{result.metric_prefix}{metric}_rate" for metric in ("tests", "edit")}


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
