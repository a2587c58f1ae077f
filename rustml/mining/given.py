"""Problems that come ready, from an exercise track or a user's own file, through the gate of those of crates."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from rustml.judge.judging import Judging
from rustml.licence import Gate
from rustml.mining import verify
from rustml.mining.drafts import ProblemDraft
from rustml.profile.mine import MineSection
from rustml.records import Dependency, Problem
from rustml.sharding import Funnel

SOURCE, CONTAMINATION, NEAR = "given.source", "given.contamination", "given.near"
STEPS = (SOURCE, CONTAMINATION, NEAR, *(f"given.{step}" for step in verify.STEPS))
"""Steps of the funnel."""
OWN = "problems"
"""Kind, among the tags, of a problem of a user's own file, which stays in the split that the file says."""


def _no_crates(dependencies: tuple[Dependency, ...]) -> str:
    return "there is no source of crates" if dependencies else ""


@dataclass(frozen=True)
class GivenProblems:
    """Problems of all such sources."""

    problems: Sequence[Problem] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    """What a source leaves out itself, by id, with the reason."""
    licences: Sequence[str] = ()
    """SPDX identifiers that the gate lets through."""
    crates_fault: Callable[[tuple[Dependency, ...]], str] = _no_crates
    """Why the crates of a problem cannot be had; empty where they can."""

    @property
    def digest(self) -> str:
        """Of the problems, in hex; empty without any."""
        content = b"".join(map(msgspec.json.encode, self.problems))
        return hashlib.sha256(content).hexdigest() if content else ""

    def fit(self, funnel: Funnel) -> Iterator[ProblemDraft]:
        """Those that may be trained on and can be judged; the others are counted by their reason."""
        gate = Gate(self.licences)
        for name, reason in self.excluded.items():
            funnel.drop(SOURCE, "left_out", f"{name}: {reason}")
        for problem in self.problems:
            reason = self._unfit(problem, gate)
            if reason:
                funnel.drop(SOURCE, reason, problem.id)
                continue
            funnel.keep(SOURCE)
            yield ProblemDraft(problem=problem, tests=(problem.tests,), support="")

    def verified(
        self, drafts: Sequence[ProblemDraft], judge: Judging, section: MineSection, funnel: Funnel
    ) -> Iterator[Problem]:
        """As `verify.verified`, counted apart from what stands alone of crates."""
        own = Funnel(verify.STEPS)
        yield from verify.verified(drafts, judge, section, own)
        for step in own.steps():
            funnel.add(msgspec.structs.replace(step, stage=f"given.{step.stage}"))

    def _unfit(self, problem: Problem, gate: Gate) -> str:
        refusal = gate.refusal(problem.licence)
        if refusal is not None:
            return refusal.reason
        if problem.split != "train" or not problem.trainable:
            return "not_to_train_on"
        if problem.language != "rust" or not problem.reference or not problem.tests.strip():
            return "not_rust_with_reference_and_tests"
        return "crates_cannot_be_had" if self.crates_fault(problem.dependencies) else ""
