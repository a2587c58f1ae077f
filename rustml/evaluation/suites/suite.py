"""A suite: problems, the protocol they are asked in, and how often an answer is drawn."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from rustml.evaluation.suites.protocols import AnswerProtocol
from rustml.generation.sampling import Sampling
from rustml.judge.judging import Judging
from rustml.profile.evaluation import Group, SuiteSection
from rustml.records import Problem

if TYPE_CHECKING:
    from rustml.evaluation.suites.account import Account


@dataclass(frozen=True)
class Suite:
    """What one suite asks of a model."""

    name: str
    group: Group
    """Name of its kind."""
    metric_prefix: str
    problems: tuple[Problem, ...]
    protocol: AnswerProtocol
    sampling: Sampling
    shots: tuple[Problem, ...] = ()
    """Solved examples that every prompt shows."""
    contaminated: tuple[str, ...] = ()
    """Ids of its problems that were found in training data."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Problems of the bank that are not items, counted by reason."""
    excluded_ids: tuple[str, ...] = ()
    """Their ids, for the log, where a rule of the suite excluded them."""
    account: "Account | None" = None
    """What a hold-out suite judges in place; None for any other."""
    repair: bool = False
    """Whether answers that did not pass get a second attempt."""
    judge: Judging | None = None
    """Its own judge; None for the evaluation's."""
    judge_versions: Mapping[str, str] = field(default_factory=dict)
    """What of the judge's versions differs from the evaluation's: `rust`, where the suite pins a toolchain."""

    @property
    def data_digest(self) -> str:
        """SHA-256 of the problems, their tests included."""
        return hashlib.sha256(msgspec.json.encode(self.problems)).hexdigest()


HoldoutMaker = Callable[[str, SuiteSection, int], Suite]
"""Makes a hold-out suite of a name, its section and the seed."""
