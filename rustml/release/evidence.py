"""Check again what a registered version claims: its tags, the decision, the two evaluations and the weights themselves.

The registry enforces nothing by itself: every account that may write to it can move an alias or edit a tag. So each
later stage follows the evidence down to the bytes. What this cannot see is a forger who rewrites tags, decision and
evaluations so that they agree; against that the registry itself must be guarded (docs/gates.md).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import EvidenceError, InputError
from rustml.profile.gates import Thresholds
from rustml.release import versions
from rustml.release.gates import Decision, decide, encode
from rustml.release.ladder import Ladder, Step
from rustml.release.registry import PARENT_TAG, WEIGHTS_TAG, ModelVersion, Registry, gate_tag, promoted_tag

REQUIRED = ("decision", "run", "candidate_evaluation", "baseline_evaluation", "baseline_version")
"""Tags `gate.<step>.<name>` that a version needs as evidence."""
PASSED, OVERRIDDEN = "passed", "overridden"


@dataclass(frozen=True)
class VerifiedVersion:
    """A version whose evidence holds."""

    model: str
    version: str
    folder: Path
    """The files that were checked; load these."""
    decision: Decision
    override: str
    """The reason given where a person overrode a refusal; else empty."""

    @property
    def label(self) -> str:
        """As messages name it: `rust-coder version 3`."""
        return f"{self.model} version {self.version}"

    @property
    def in_spite(self) -> str:
        """What every message about an override says; empty where the gate itself opened."""
        return f", OVERRIDDEN in spite of a refusal (reason: {self.override})" if not self.decision.passed else ""

    @property
    def name(self) -> str:
        """As URI: `models:/rust-coder/3`."""
        return f"{versions.SCHEME}{self.model}/{self.version}"


def check_evidence_and_alias(
    registry: Registry, number: str, step: Step, *, thresholds: Thresholds | None = None
) -> VerifiedVersion:
    """Check that the gate to `step` let this version through, and that nothing has changed since.

    With `thresholds`, a decision made under other ones is stale. Raises EvidenceError that lists every piece of
    evidence that is missing or wrong.
    """
    _require(registry.version(number), step, list(_alias_faults(registry, number, step)))
    return check_evidence(registry, number, step, thresholds=thresholds)


def check_evidence(
    registry: Registry, number: str, step: Step, *, thresholds: Thresholds | None = None
) -> VerifiedVersion:
    """Check as `check_evidence_and_alias` does, wherever the step's alias points."""
    version = registry.version(number)
    _require(version, step, list(_tag_faults(version.tags, step)))
    decision = registry.decision(version.tags[gate_tag(step.name, "run")], step.name, number)
    faults = [
        *_decision_faults(decision, version.tags, step, thresholds),
        *maker_faults(version, step),
        *_weights_faults(version, decision, step),
        *_report_faults(version, decision, step),
    ]
    _require(version, step, faults)
    override = version.tags.get(gate_tag(step.name, "override"), "")
    return VerifiedVersion(registry.model, number, versions.with_base(version.folder), decision, override)


def last_gate(registry: Registry, number: str, ladder: Ladder) -> Step:
    """The last step of the ladder whose gate let the version through. Raises EvidenceError where none did."""
    tags = registry.version(number).tags
    passed = [step for step in ladder if gate_tag(step.name) in tags]
    if not passed:
        raise EvidenceError(
            f"{registry.model} version {number} came through no gate of this profile: evaluate it and promote it with "
            f"`promote -P candidate={number}`"
        )
    return passed[-1]


def decision_digest(decision: Decision) -> str:
    """SHA-256 of a decision, in hex."""
    return hashlib.sha256(encode(decision)).hexdigest()


def _require(version: ModelVersion, step: Step, faults: list[str]) -> None:
    if faults:
        raise EvidenceError(
            f"{version.name} has no valid evidence for {step.name}: {'; '.join(faults)}. "
            f"Evaluate it and promote it with `promote -P candidate={version.number} -P to={step.name}`"
        )


def _alias_faults(registry: Registry, number: str, step: Step) -> Iterator[str]:
    promoted = registry.tag(promoted_tag(step.name))
    if registry.holder(step.name) == number != promoted:
        last = f"the last promotion moved it to version {promoted}" if promoted else "no promotion moved it"
        yield f"alias {step.name} points here, but {last}: it was moved by hand, or a promotion was cut off"


def _tag_faults(tags: Mapping[str, str], step: Step) -> Iterator[str]:
    outcome = tags.get(gate_tag(step.name))
    if outcome not in {PASSED, OVERRIDDEN}:
        yield f"tag {gate_tag(step.name)} is {outcome or 'missing'}"
    for name in (WEIGHTS_TAG, *(gate_tag(step.name, part) for part in REQUIRED)):
        if name not in tags:
            yield f"tag {name} is missing"
    if outcome == OVERRIDDEN and not tags.get(gate_tag(step.name, "override")):
        yield f"tag {gate_tag(step.name, 'override')} is missing: an override needs its reason"


def _decision_faults(
    decision: Decision, tags: Mapping[str, str], step: Step, thresholds: Thresholds | None
) -> Iterator[str]:
    if decision_digest(decision) != tags[gate_tag(step.name, "decision")]:
        yield f"the decision is not the one that tag {gate_tag(step.name, 'decision')} names"
    if not decision.passed and tags[gate_tag(step.name)] != OVERRIDDEN:
        yield "the decision was a refusal"
    if thresholds is not None and thresholds != decision.thresholds:
        yield "the decision is stale: it was made under other thresholds than the profile's"


def maker_faults(version: ModelVersion, step: Step) -> Iterator[str]:
    """A step takes the versions of its own stage: FP8 weights are not a result of fine-tuning."""
    if step.made_by and version.made_by != step.made_by:
        maker = f"stage {version.made_by}" if version.made_by else "no stage of this tracking store"
        yield f"step {step.name} takes versions that stage {step.made_by} made, and {version.name} was made by {maker}"


def _weights_faults(version: ModelVersion, decision: Decision, step: Step) -> Iterator[str]:
    if version.tags[WEIGHTS_TAG] != decision.candidate_weights:
        yield f"tag {WEIGHTS_TAG} names other weights than those that were evaluated"
    try:
        actual = version.digest
    except InputError as error:
        yield f"its weights cannot be read: {error}"
        return
    if actual != decision.candidate_weights:
        yield "its weights changed after the evaluation"
    yield from _parent_faults(version, decision, step)


def _parent_faults(version: ModelVersion, decision: Decision, step: Step) -> Iterator[str]:
    """A step compared with the parent is measured against the very version that the candidate was made from."""
    if step.compared_with != "parent":
        return
    baseline, parent = version.tags[gate_tag(step.name, "baseline_version")], version.parent
    if baseline != parent or (step.needs_version and not parent):
        yield f"it was compared with version {baseline or 'none'}, but tag {PARENT_TAG} names {parent or 'none'}"
    elif parent and version.registry.version(parent).tags.get(WEIGHTS_TAG) != decision.baseline_weights:
        yield f"its parent, version {parent}, holds other weights than the baseline that was evaluated"


def _report_faults(version: ModelVersion, decision: Decision, step: Step) -> Iterator[str]:
    """The evaluations are still those that were decided on, and still lead to the decision."""
    runs = (version.tags[gate_tag(step.name, f"{side}_evaluation")] for side in ("candidate", "baseline"))
    try:
        candidate, baseline = (version.registry.evaluation(run) for run in runs)
    except EvidenceError as error:
        yield str(error)
        return
    for side, report, digest in (
        ("candidate", candidate, decision.candidate_report),
        ("baseline", baseline, decision.baseline_report),
    ):
        if report.digest != digest:
            yield f"the {side}'s evaluation changed after the decision"
    if decide(candidate, baseline, decision.thresholds).passed != decision.passed:
        yield "the evaluations do not lead to that decision"
