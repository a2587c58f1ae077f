"""The metrics of an answer: one registry, which gates, reports and figures read.

To add a metric, add a row to `METRICS`, and its name to the suite kinds that measure it (rustml/evaluation/kinds/).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rustml.evaluation.results.outcome import Outcome


@dataclass(frozen=True)
class Metric:
    """How one number is read off an answer."""

    name: str
    read: Callable[[Outcome], float | None]
    """In [0, 1]; None where the item cannot be measured so, as by tests where its crate has none."""
    gated: bool = True
    """Whether a gate may ask for it."""


def score(name: str) -> Callable[[Outcome], float | None]:
    """Reads a score of that name; None where the answer has none."""
    return lambda outcome: outcome.scores.get(name)


def _judged(name: str, shown: Callable[[Outcome], bool]) -> Callable[[Outcome], float | None]:
    """Reads the verdict; of a hold-out answer, which has scores, the score in place, which not every item has."""
    return lambda outcome: outcome.scores.get(name) if outcome.scores else float(shown(outcome))


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("format", lambda outcome: float(outcome.status != "format")),
        Metric("compile", _judged("compile", lambda outcome: outcome.compiles is True)),
        Metric("pass", lambda outcome: float(outcome.status == "passed")),
        Metric("clippy", _judged("clippy", lambda outcome: outcome.clippy_clean is True)),
        Metric("exact", score("exact")),
        Metric("edit", score("edit")),
        Metric("syntax", score("syntax")),
        Metric("tests", score("tests")),
        Metric("documentation", score("documentation")),  # easy to please: gate it beside others
        Metric("idiom", score("idiom")),
        Metric("api", score("api")),
        Metric("repair", score("repair")),
        Metric("rating", score("rating"), gated=False),  # moves with the model behind the rater's server
    )
}
"""By name, in the order in which figures show them."""
