"""Move a version one step on: gate, evidence tags, alias, the deprecated stage; read back, one promotion at a time."""

from contextlib import suppress
from dataclasses import dataclass

import msgspec
from mlflow.exceptions import MlflowException

from rustml.errors import EvidenceError, GateRefused
from rustml.generation.served import is_served
from rustml.profile.gates import Thresholds
from rustml.records import Record
from rustml.release.evidence import OVERRIDDEN, PASSED, VerifiedVersion, check_evidence, decision_digest, maker_faults
from rustml.release.gates import Decision, decide, encode
from rustml.release.ladder import Ladder, Step
from rustml.release.lock import promotion_lock
from rustml.release.promotion_page import show
from rustml.release.registry import (
    WEIGHTS_TAG,
    ModelVersion,
    Registry,
    decision_artifact,
    evidence_tag,
    gate_tag,
    refused_tag,
    unfolded,
)

TAG_CHARACTERS = 1000
"""Length of the reasons in a refusal's tag; the decision holds them in full."""


class Sources(Record, frozen=True):
    """Where a decision comes from."""

    promotion_run: str
    """Run that keeps the decision."""
    candidate_run: str
    """Evaluation run of the candidate."""
    baseline_run: str
    """Evaluation run of the baseline."""
    baseline_version: str = ""
    """Registered version of the baseline; empty where it is the base model."""
    holder: str = ""
    """Version that held the alias when the decision was made; a promotion in between makes the decision stale."""
    override: str = ""
    """Reason of the person who promotes in spite of a refusal."""
    smoke_run: str = ""
    """Run that served the candidate and judged its answers; empty where the step asks for none."""

    def links(self) -> dict[str, str]:
        """What a promotion's page links to: evaluation runs by side."""
        return {"candidate": self.candidate_run, "baseline": self.baseline_run}


@dataclass(frozen=True)
class Request:
    """A promotion that is asked for: this version to this step of the ladder, on these evaluations."""

    registry: Registry
    ladder: Ladder
    number: str
    """Of the version."""
    to: str
    """Name of the step."""
    sources: Sources

    @property
    def step(self) -> Step:
        """The step. Raises InputError where the ladder has none of the name."""
        return self.ladder.step(self.to)

    @property
    def version(self) -> ModelVersion:
        """The version as it is registered now. Raises InputError when there is none."""
        return self.registry.version(self.number)


def decide_and_promote(request: Request, thresholds: Thresholds) -> VerifiedVersion:
    """Decide on the evaluations that the request names, and promote.

    Raises GateRefused with the reasons (the decision is logged with the run all the same), EvidenceError when what was
    evaluated is not what is registered, or lies behind a server, or when the alias moved meanwhile.
    """
    return promote(request, decided(request.registry, request.sources, thresholds))


def decided(registry: Registry, sources: Sources, thresholds: Thresholds) -> Decision:
    """Decide on two evaluation runs; nothing is written. Raises EvidenceError where one lies behind a server."""
    reports = []
    for run in (sources.candidate_run, sources.baseline_run):
        report = registry.evaluation(run)
        if is_served(report.weights_digest):
            raise EvidenceError(
                f"evaluation {run} measured {report.model}, a model behind a server, whose weights are not known here: "
                "it can be compared, and no promotion rests on it. Evaluate the checkpoint"
            )
        reports.append(report)
    return decide(reports[0], reports[1], thresholds)


def promote(request: Request, decision: Decision) -> VerifiedVersion:
    """Log the decision; if it allows, write tags, alias and stage, and read all of it back.

    Raises GateRefused where the decision is a refusal and no override is given. A failure before the alias is moved
    leaves the alias where it was.
    """
    registry, step, sources = request.registry, request.step, request.sources
    for fault in maker_faults(request.version, step):
        raise EvidenceError(fault)
    artifact = decision_artifact(step.name, request.number)
    registry.client.log_text(sources.promotion_run, encode(decision).decode(), artifact)
    show(registry.client, sources.promotion_run, decision, sources.links())
    if not decision.passed and not sources.override:
        note_refusal(request.version, request.to, sources.promotion_run, "; ".join(decision.reasons))
        reasons = "\n".join(decision.reasons)
        raise GateRefused(f"{registry.model} version {request.number} is not promoted to {step.name}:\n{reasons}")
    _check_candidate(request, decision)
    with promotion_lock(registry.client, registry.model):
        _check_unmoved(request)
        version = request.version
        tags = _evidence_tags(request, decision)
        version.untag({*unfolded(tags)} - {*tags})  # what a version that was promoted before 0.2 has one by one
        version.tag(tags)
        verified = check_evidence(registry, request.number, step)
        stage = registry.move(step, request.number)
        registry.check_moved(step, request.number, stage)
        version.untag([refused_tag(step.name), refused_tag(step.name, "run")])
    return verified


def note_refusal(version: ModelVersion, step: str, run: str, reasons: str) -> None:
    """Show the refusal where people look at versions. It is not evidence: an account that may not write still reads."""
    with suppress(MlflowException):
        version.tag({refused_tag(step): reasons[:TAG_CHARACTERS], refused_tag(step, "run"): run})


def _check_candidate(request: Request, decision: Decision) -> None:
    version = request.version
    if version.digest != decision.candidate_weights:
        raise EvidenceError(
            f"the evaluation is not of {version.name}: its weights are others. "
            f"Evaluate models:/{request.registry.model}/{request.number}"
        )
    if not request.step.made_by:
        _check_gated(request.ladder, version)


def _check_gated(ladder: Ladder, version: ModelVersion) -> None:
    """A step that makes no version takes those that came through the gate of a step that does."""
    gated = [step for step in ladder.making if gate_tag(step.name) in version.tags]
    if not gated:
        steps = " or ".join(step.name for step in ladder.making)
        raise EvidenceError(f"{version.name} came through no gate yet: promote it to {steps} first")
    check_evidence(version.registry, version.number, gated[-1])


def _check_unmoved(request: Request) -> None:
    expected, now = request.sources.holder, request.registry.holder(request.to)
    if now != expected:
        raise EvidenceError(
            f"the decision is stale: alias {request.to} of {request.registry.model} pointed at version "
            f"{expected or 'none'} when it was made and points at {now or 'none'} now. Run the promotion again"
        )


def _evidence_tags(request: Request, decision: Decision) -> dict[str, str]:
    """The outcome for people, and all that proves it in one tag, so that a version's page is not a wall of digests."""
    sources, step = request.sources, request.to
    evidence = {
        "decision": decision_digest(decision),
        "run": sources.promotion_run,
        "candidate_evaluation": sources.candidate_run,
        "baseline_evaluation": sources.baseline_run,
        "baseline_version": sources.baseline_version,
        "candidate_report": decision.candidate_report,
        "baseline_report": decision.baseline_report,
    }
    tags = {
        WEIGHTS_TAG: decision.candidate_weights,
        gate_tag(step): PASSED if decision.passed else OVERRIDDEN,
        evidence_tag(step): msgspec.json.encode(evidence, order="sorted").decode(),
    }
    if sources.smoke_run:
        tags[gate_tag(step, "smoke")] = sources.smoke_run
    overridden = {gate_tag(step, "override"): sources.override} if sources.override and not decision.passed else {}
    return tags | overridden
