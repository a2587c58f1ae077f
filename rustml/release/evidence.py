"""Check again what a registered version claims: its tags, the decision, the two evaluations and the weights themselves.

The registry enforces nothing by itself: whoever may write to it can move an alias or edit a tag. So each later stage
follows the evidence down to the bytes. What this cannot see is a forger who rewrites tags, decision and evaluations so
that they agree; against that the registry itself must be guarded (docs/gates.md).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError, InputError
from rustml.models import checkpoint
from rustml.profile.gates import Thresholds
from rustml.release import registry
from rustml.release.gates import Decision, decide, encode
from rustml.release.registry import PARENT, WEIGHTS, Step, gate_tag, promoted_tag

TAGS = ("decision", "run", "candidate_evaluation", "baseline_evaluation", "baseline_version")
PASSED, OVERRIDDEN = "passed", "overridden"


@dataclass(frozen=True)
class Verified:
    """A version whose evidence holds."""

    model: str
    version: str
    folder: Path
    """The files that were checked; load these."""
    decision: Decision
    override: str
    """The reason given where a person overrode a refusal; else empty."""


def verify(
    client: MlflowClient, model: str, version: str, requires: Step, *, thresholds: Thresholds | None = None
) -> Verified:
    """Check that the gate to `requires` let this version through, and that nothing has changed since.

    With `thresholds`, a decision made under other ones is stale. Raises EvidenceError that lists every piece of
    evidence that is missing or wrong.
    """
    faults = list(_alias_faults(client, model, version, requires))
    _require(model, version, requires, faults)
    return earned(client, model, version, requires, thresholds=thresholds)


def earned(
    client: MlflowClient, model: str, version: str, step: Step, *, thresholds: Thresholds | None = None
) -> Verified:
    """Check as `verify` does, wherever the step's alias points."""
    tags = dict(registry.version_of(client, model, version).tags)
    _require(model, version, step, list(_tag_faults(tags, step)))
    decision = registry.decision_of(client, tags[gate_tag(step, "run")], step, version)
    folder = registry.files_of(client, model, version)
    faults = [
        *_decision_faults(decision, tags, step, thresholds),
        *_weights_faults(client, model, tags, folder, decision, step),
        *_report_faults(client, tags, decision, step),
    ]
    _require(model, version, step, faults)
    return Verified(model, version, folder, decision, tags.get(gate_tag(step, "override"), ""))


def decision_digest(decision: Decision) -> str:
    """SHA-256 of a decision, in hex."""
    return hashlib.sha256(encode(decision)).hexdigest()


def _require(model: str, version: str, step: Step, faults: list[str]) -> None:
    if faults:
        raise EvidenceError(
            f"{model} version {version} has no valid evidence for {step}: {'; '.join(faults)}. "
            f"Evaluate it and promote it with `promote -P candidate={version} -P to={step}`"
        )


def _alias_faults(client: MlflowClient, model: str, version: str, step: Step) -> Iterator[str]:
    promoted = registry.model_tag(client, model, promoted_tag(step))
    if registry.holder(client, model, step) == version != promoted:
        last = f"the last promotion moved it to version {promoted}" if promoted else "no promotion moved it"
        yield f"alias {step} points here, but {last}: it was moved by hand, or a promotion was cut off"


def _tag_faults(tags: Mapping[str, str], step: Step) -> Iterator[str]:
    if tags.get(gate_tag(step)) not in {PASSED, OVERRIDDEN}:
        yield f"tag {gate_tag(step)} is {tags.get(gate_tag(step)) or 'missing'}"
    for name in (WEIGHTS, *(gate_tag(step, part) for part in TAGS)):
        if name not in tags:
            yield f"tag {name} is missing"
    if tags.get(gate_tag(step)) == OVERRIDDEN and not tags.get(gate_tag(step, "override")):
        yield f"tag {gate_tag(step, 'override')} is missing: an override needs its reason"


def _decision_faults(
    decision: Decision, tags: Mapping[str, str], step: Step, thresholds: Thresholds | None
) -> Iterator[str]:
    if decision_digest(decision) != tags[gate_tag(step, "decision")]:
        yield f"the decision is not the one that tag {gate_tag(step, 'decision')} names"
    if not decision.passed and tags[gate_tag(step)] != OVERRIDDEN:
        yield "the decision was a refusal"
    if thresholds is not None and thresholds != decision.thresholds:
        yield "the decision is stale: it was made under other thresholds than the profile's"


def _weights_faults(
    client: MlflowClient, model: str, tags: Mapping[str, str], folder: Path, decision: Decision, step: Step
) -> Iterator[str]:
    if tags[WEIGHTS] != decision.candidate_weights:
        yield f"tag {WEIGHTS} names other weights than those that were evaluated"
    try:
        actual = checkpoint.digest(folder)
    except InputError as error:
        yield f"its weights cannot be read: {error}"
        return
    if actual != decision.candidate_weights:
        yield "its weights changed after the evaluation"
    yield from _parent_faults(client, model, tags, decision, step)


def _parent_faults(
    client: MlflowClient, model: str, tags: Mapping[str, str], decision: Decision, step: Step
) -> Iterator[str]:
    """GRPO and FP8 are measured against the very version that they were made from."""
    if step not in {"grpo", "fp8"}:
        return
    baseline, parent = tags[gate_tag(step, "baseline_version")], tags.get(PARENT, "")
    if not parent or baseline != parent:
        yield f"it was compared with version {baseline or 'none'}, but tag {PARENT} names {parent or 'none'}"
        return
    if registry.version_of(client, model, parent).tags.get(WEIGHTS) != decision.baseline_weights:
        yield f"its parent, version {parent}, holds other weights than the baseline that was evaluated"


def _report_faults(client: MlflowClient, tags: Mapping[str, str], decision: Decision, step: Step) -> Iterator[str]:
    """The evaluations are still those that were decided on, and still lead to the decision."""
    try:
        candidate = registry.evaluation_of(client, tags[gate_tag(step, "candidate_evaluation")])
        baseline = registry.evaluation_of(client, tags[gate_tag(step, "baseline_evaluation")])
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
