"""The outcomes of one suite, by item, and the values of a metric that follow from them."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from rustml.evaluation.metrics import METRICS, score
from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.statistics import pass_at_k
from rustml.profile.evaluation import Group
from rustml.records import Record

RATER = "rater"
"""Key of a protocol: what rates answers, where something does."""


class SuiteResult(Record, frozen=True, omit_defaults=True):
    """The outcomes of one suite."""

    group: Group
    """The suite's kind; see rustml/evaluation/kinds/."""
    metric_prefix: str
    protocol: dict[str, Any]
    """Everything that moves a score without touching the model. JSON values only."""
    outcomes: dict[str, tuple[Outcome, ...]]
    """By item id, one per sample."""
    contaminated: tuple[str, ...]
    """Items that decontamination found in training data."""
    excluded: dict[str, int]
    """Problems of the bank that are not items of the suite, counted by reason."""
    seconds: dict[str, float]
    """Wall seconds by phase: `generate`, `judge`."""
    tasks: dict[str, str] = {}
    """Category of each item, where the suite has categories."""
    in_place: dict[str, int] = {}
    """Of a hold-out suite: pairs that ask for code (`asked`), those of them that the compiler judges in their crate
    (`compile`), and those of these that tests judge as well (`tests`)."""

    @property
    def protocol_digest(self) -> str:
        """SHA-256 of the protocol, in hex: results with different ones cannot be compared."""
        return hashlib.sha256(msgspec.json.encode(self.protocol, order="sorted")).hexdigest()

    @property
    def samples(self) -> list[Outcome]:
        """All outcomes, item after item."""
        return [sample for samples in self.outcomes.values() for sample in samples]

    @property
    def faults(self) -> int:
        """Answers that the judge could not judge."""
        return sum(sample.status == "infrastructure" for sample in self.samples)

    def values(self, metric: str, items: Iterable[str] | None = None) -> dict[str, float]:
        """By item, the mean of a metric over its samples, in [0, 1], for the items that have it."""
        return {item: mean(values) for item, values in self.sample_values(metric, items).items()}

    def sample_values(self, metric: str, items: Iterable[str] | None = None) -> dict[str, list[float]]:
        """By item, a metric sample by sample, for the items and samples that have it."""
        read = METRICS[metric].read if metric in METRICS else score(metric)
        chosen = self.outcomes if items is None else items
        read_off = {item: [read(sample) for sample in self.outcomes[item]] for item in chosen}
        known = {item: [value for value in values if value is not None] for item, values in read_off.items()}
        return {item: values for item, values in known.items() if values}

    def pass_at_k(self) -> dict[str, float]:
        """`pass_at_k` for k of 1, 5, 10, 100 and the samples drawn, as far as so many were drawn."""
        drawn = min(len(samples) for samples in self.outcomes.values())
        return {f"pass_at_{k}": self.pass_at(k) for k in (1, 5, 10, 100, drawn) if k <= drawn}

    def pass_at(self, k: int) -> float:
        """Mean over items of the unbiased pass@k."""
        passed = [(len(drawn), sum(each.status == "passed" for each in drawn)) for drawn in self.outcomes.values()]
        return sum(pass_at_k(samples, right, k) for samples, right in passed) / len(passed)

    def failures(self) -> Counter[str]:
        """Answers that did not pass, by class: rustc's first error code where there is one, else the status."""
        failed = [sample for sample in self.samples if sample.status != "passed"]
        return Counter(sample.errors[0] if sample.errors else sample.status for sample in failed)

    def lints(self) -> Counter[str]:
        """Answers by clippy lint; one answer counts once for each of its lints."""
        return Counter(lint for sample in self.samples for lint in set(sample.lints))


def share(samples: Iterable[Outcome], metric: str) -> float:
    """Mean of a metric over answers, in [0, 1]. Raises ZeroDivisionError without answers that have it."""
    values = [METRICS[metric].read(sample) for sample in samples]
    return mean([value for value in values if value is not None])


def mean_lints(samples: Iterable[Outcome]) -> dict[str, float]:
    """`mean_lints`, over the answers that compile and were linted; nothing where there are none."""
    counts = [sample.lint_count for sample in samples if sample.compiles and sample.clippy_clean is not None]
    return {"mean_lints": mean(counts)} if counts else {}


def mean(values: Collection[float]) -> float:
    """Arithmetic mean. Raises ZeroDivisionError without values."""
    return sum(values) / len(values)
