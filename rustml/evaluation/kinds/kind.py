"""What a kind of suite decides: how items are asked, judged, scored, summarised and drawn."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile.evaluation import SuiteSection
from rustml.records import Problem

if TYPE_CHECKING:
    from rustml.evaluation.results.journal import Chunk, Item
    from rustml.evaluation.suites.suite import HoldoutMaker, Suite


@dataclass(frozen=True)
class ItemSource:
    """Where the items of suites come from."""

    banks: Path
    """Output of the stage `bank`."""
    seed: int
    """Of sampling."""
    holdout: "HoldoutMaker | None" = None
    """Makes suites of held-out pairs; None where no pairs were given."""


class SuiteKind(ABC):
    """One value of `group` in a profile.

    To add a kind: a file with a subclass, a row in `KINDS`, the name in the profile's `Group`.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    """Metrics of the registry that each answer is measured by, and that a gate may name."""
    drawn: ClassVar[tuple[str, ...]]
    """Those of them that figures show side by side."""
    retained: ClassVar[bool] = False
    """Whether every gate asks that nothing of it be lost, alone and pooled."""
    from_pairs: ClassVar[bool] = False
    """Whether its items are held-out pairs rather than problems of a bank."""
    rated: ClassVar[bool] = False
    """Whether an LLM judge rates its answers, where one is switched on."""

    def suite(self, name: str, section: SuiteSection, source: ItemSource) -> "Suite":
        """What is asked: by default, problems of a bank. Raises InputError for a suite that cannot be asked."""
        from rustml.evaluation.suites.assembly import suite_of_bank  # noqa: PLC0415  loads an engine's types

        return suite_of_bank(name, section, source)

    def tasks(self, problems: Sequence[Problem]) -> dict[str, str]:  # noqa: ARG002
        """Category by item, where items have one."""
        return {}

    def scores(self, problem: Problem, item: "Item") -> Mapping[str, float]:  # noqa: ARG002
        """Scores of an answer beside its verdict, each in [0, 1]."""
        return {}

    def files(self, suite: "Suite", chunks: "Sequence[Chunk]") -> Mapping[str, bytes]:  # noqa: ARG002
        """Further files about the answers, by name, for the evaluation's output."""
        return {}

    @abstractmethod
    def summary(self, result: SuiteResult) -> dict[str, float]:
        """The kind's metrics over all items, without the suite's prefix. A share of nothing is left out."""

    def columns(self, name: str, result: SuiteResult) -> dict[str, str]:
        """Columns of the lifecycle's table: header, and the name of the metric in it."""
        return {name: f"{result.metric_prefix}pass_at_1"}

    def caption(self, name: str, result: SuiteResult) -> str:  # noqa: ARG002
        """A sentence below the table on what its columns mean; empty where they need none."""
        return ""
