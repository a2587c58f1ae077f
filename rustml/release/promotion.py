"""Move a version one step on: gate, evidence tags, alias, the deprecated stage; read back, one promotion at a time."""

import warnings
from contextlib import suppress

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError, GateRefused
from rustml.models import checkpoint
from rustml.profile.gates import GatesSection, Thresholds
from rustml.records import Record
from rustml.release import registry
from rustml.release.evidence import OVERRIDDEN, PASSED, Verified, decision_digest, earned
from rustml.release.gates import Decision, decide, encode
from rustml.release.lock import promotion_lock
from rustml.release.registry import WEIGHTS, Step, decision_artifact, gate_tag, promoted_tag, refused_tag

STAGES: dict[Step, str] = {"sft": "Staging", "grpo": "Staging", "fp8": "Staging", "champion": "Production"}
"""The deprecated stage that goes with a step, for tools that still read it."""
MADE_BY: tuple[Step, ...] = ("fp8", "grpo", "sft")
"""Steps that make a version, the latest first."""
TAG_CHARACTERS = 1000
"""Of a refusal's reasons, which the decision holds in full."""


class Evidence(Record, frozen=True):
    """Where a decision comes from."""

    promotion_run: str
    """Run that keeps the decision."""
    candidate_run: str
    """Evaluation run of the candidate."""
    baseline_run: str
    """Evaluation run of the baseline."""
    baseline_version: str = ""
    """Registered version of the baseline; empty where it is the base model."""
    held: str = ""
    """Version that held the alias when the decision was made; a promotion in between makes the decision stale."""
    override: str = ""
    """Reason of the person who promotes in spite of a refusal."""


def thresholds_of(gates: GatesSection, to: Step) -> Thresholds:
    """The profile's thresholds for a step."""
    thresholds: Thresholds = getattr(gates, to)
    return thresholds


def consider(
    client: MlflowClient, model: str, version: str, to: Step, thresholds: Thresholds, evidence: Evidence
) -> Verified:
    """Decide on the evaluations that `evidence` names and promote.

    Raises GateRefused with the reasons (the decision is logged with the run all the same), EvidenceError when what was
    evaluated is not what is registered, or when the alias moved meanwhile.
    """
    candidate = registry.evaluation_of(client, evidence.candidate_run)
    baseline = registry.evaluation_of(client, evidence.baseline_run)
    return promote(client, model, version, to, decide(candidate, baseline, thresholds), evidence)


def promote(
    client: MlflowClient, model: str, version: str, to: Step, decision: Decision, evidence: Evidence
) -> Verified:
    """Log the decision; if it allows, write tags, alias and stage, and read all of it back.

    Raises GateRefused where the decision is a refusal and no override is given. A failure before the alias is moved
    leaves the alias where it was.
    """
    client.log_text(evidence.promotion_run, encode(decision).decode(), decision_artifact(to, version))
    if not decision.passed and not evidence.override:
        _note_refusal(client, model, version, to, decision, evidence)
        raise GateRefused(f"{model} version {version} is not promoted to {to}:\n" + "\n".join(decision.reasons))
    _check_candidate(client, model, version, to, decision)
    with promotion_lock(client, model):
        _check_unmoved(client, model, to, evidence)
        _write_tags(client, model, version, to, decision, evidence)
        verified = earned(client, model, version, to)
        _move(client, model, version, to)
        _read_back(client, model, version, to)
        _forget_refusal(client, model, version, to)
    return verified


def _note_refusal(
    client: MlflowClient, model: str, version: str, to: Step, decision: Decision, evidence: Evidence
) -> None:
    """Show the refusal where people look at versions. It is no evidence, so that nobody's permissions may hide it."""
    tags = {
        refused_tag(to): "; ".join(decision.reasons)[:TAG_CHARACTERS],
        refused_tag(to, "run"): evidence.promotion_run,
    }
    with suppress(MlflowException):
        for name, value in tags.items():
            client.set_model_version_tag(model, version, name, value)


def _forget_refusal(client: MlflowClient, model: str, version: str, to: Step) -> None:
    for name in {refused_tag(to), refused_tag(to, "run")} & set(registry.version_of(client, model, version).tags):
        client.delete_model_version_tag(model, version, name)


def _check_candidate(client: MlflowClient, model: str, version: str, to: Step, decision: Decision) -> None:
    registry.version_of(client, model, version)
    if checkpoint.digest(registry.files_of(client, model, version)) != decision.candidate_weights:
        raise EvidenceError(
            f"the evaluation is not of {model} version {version}: its weights are others. "
            f"Evaluate models:/{model}/{version}"
        )
    if to == "champion":
        _check_gated(client, model, version)


def _check_gated(client: MlflowClient, model: str, version: str) -> None:
    """A champion has come through the gate of the step that made it."""
    tags = registry.version_of(client, model, version).tags
    steps = [step for step in MADE_BY if gate_tag(step) in tags]
    if not steps:
        raise EvidenceError(f"{model} version {version} came through no gate yet: promote it to sft, grpo or fp8 first")
    earned(client, model, version, steps[0])


def _check_unmoved(client: MlflowClient, model: str, to: Step, evidence: Evidence) -> None:
    now = registry.holder(client, model, to)
    if now != evidence.held:
        raise EvidenceError(
            f"the decision is stale: alias {to} of {model} pointed at version {evidence.held or 'none'} when it was "
            f"made and points at {now or 'none'} now. Run the promotion again"
        )


def _write_tags(
    client: MlflowClient, model: str, version: str, to: Step, decision: Decision, evidence: Evidence
) -> None:
    tags = {
        WEIGHTS: decision.candidate_weights,
        gate_tag(to): PASSED if decision.passed else OVERRIDDEN,
        gate_tag(to, "decision"): decision_digest(decision),
        gate_tag(to, "run"): evidence.promotion_run,
        gate_tag(to, "candidate_evaluation"): evidence.candidate_run,
        gate_tag(to, "baseline_evaluation"): evidence.baseline_run,
        gate_tag(to, "baseline_version"): evidence.baseline_version,
        gate_tag(to, "candidate_report"): decision.candidate_report,
        gate_tag(to, "baseline_report"): decision.baseline_report,
    }
    if evidence.override and not decision.passed:
        tags[gate_tag(to, "override")] = evidence.override
    for name, value in tags.items():
        client.set_model_version_tag(model, version, name, value)


def _move(client: MlflowClient, model: str, version: str, to: Step) -> None:
    client.set_registered_model_tag(model, promoted_tag(to), version)
    client.set_registered_model_alias(model, to, version)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # stages are deprecated, and still what older tools read
        client.transition_model_version_stage(
            model, version, STAGES[to], archive_existing_versions=STAGES[to] == "Production"
        )


def _read_back(client: MlflowClient, model: str, version: str, to: Step) -> None:
    try:
        moved = client.get_model_version_by_alias(model, to)
    except MlflowException as error:
        raise EvidenceError(f"alias {to} of {model} is gone right after it was set") from error
    stated = registry.model_tag(client, model, promoted_tag(to))
    if (str(moved.version), moved.current_stage, stated) != (version, STAGES[to], version):
        raise EvidenceError(
            f"alias {to} of {model} points at version {moved.version} in stage {moved.current_stage} right after "
            f"version {version} was promoted: something else writes to this registry"
        )
