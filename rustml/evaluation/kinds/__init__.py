"""Kinds of suites, one per file: how items are asked, judged, scored, summarised and drawn."""

from collections.abc import Iterable, Mapping

from rustml.evaluation.kinds.holdout import HoldoutKind
from rustml.evaluation.kinds.kind import ItemSource, SuiteKind
from rustml.evaluation.kinds.retention import RetentionKind
from rustml.evaluation.kinds.rust import RustKind
from rustml.evaluation.kinds.untested import UntestedKind
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile.evaluation import SuiteSection

KINDS: Mapping[str, SuiteKind] = {
    kind.name: kind for kind in (RustKind(), RetentionKind(), HoldoutKind(), UntestedKind())
}
"""By the name that a profile gives as a suite's `group`."""


def metrics_of(result: SuiteResult) -> dict[str, float]:
    """A suite's metrics under its prefix: those of its kind, counts, and seconds by phase."""
    summary = KINDS[result.group].summary(result)
    counts = {"items": len(result.outcomes), "faults": result.faults, "contaminated": len(result.contaminated)}
    excluded = {f"excluded_{reason}": count for reason, count in result.excluded.items()}
    timed = {f"seconds_{phase}": seconds for phase, seconds in result.seconds.items()}
    metrics = {**summary, **counts, **excluded, **timed}
    return {f"{result.metric_prefix}{name}": float(value) for name, value in metrics.items()}


def retained(suites: Mapping[str, SuiteResult] | Mapping[str, SuiteSection]) -> list[str]:
    """Names of the suites of which every gate asks that nothing be lost."""
    return sorted(name for name, suite in suites.items() if KINDS[suite.group].retained)


def made_from_pairs(suites: Mapping[str, SuiteSection], names: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the suites whose items are held-out pairs, among `names` where any are given."""
    candidates = tuple(names) or tuple(suites)
    return tuple(name for name in candidates if KINDS[suites[name].group].from_pairs)


__all__ = ["KINDS", "ItemSource", "SuiteKind", "made_from_pairs", "metrics_of", "retained"]
