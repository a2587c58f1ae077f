"""Compare a version with its baseline and move it one step on, or refuse with the reasons."""

from collections.abc import Mapping

from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError, InputError
from rustml.models import checkpoint
from rustml.profile import Profile
from rustml.release import registry, versions
from rustml.release.evidence import Verified, verify
from rustml.release.promotion import Evidence, consider, thresholds_of
from rustml.release.registry import PARENT, Step
from rustml.runs import tracking
from rustml.stages.evaluate import WEIGHTS


def run(
    profile: Profile,
    *,
    candidate: str,
    to: Step,
    evaluation: str = "",
    baseline: str = "",
    base: str = "",
    override: str = "",
    parent: str | None = None,
) -> Verified:
    """Promote a version on the evidence of two evaluation runs.

    `evaluation` and `baseline` default to the newest ones of the version and of what it is compared with: the version
    that it was made from, and for `sft` and `champion` the base model, whose run is `base`. Raises GateRefused with the
    reasons, EvidenceError where an evaluation is missing.
    """
    model, number = profile.registered_model, versions.version_number(candidate, profile.registered_model)
    client = tracking.client()
    tags = registry.version_of(client, model, number).tags
    origin = "" if to in ("sft", "champion") else tags.get(PARENT, "")
    candidate_run = evaluation or _newest(profile, to, checkpoint.digest(registry.files_of(client, model, number)))
    baseline_run = baseline or _newest(profile, to, _baseline_weights(client, model, origin, base))
    standing = _standing(profile, number, to, candidate_run, baseline_run)
    if standing is not None and not override:
        return standing
    title = f"promote v{number} to {to}"
    with tracking.plain_run("promote", {"version": number, "to": to}, parent, title) as run_id:
        evidence = Evidence(
            promotion_run=run_id,
            candidate_run=candidate_run,
            baseline_run=baseline_run,
            baseline_version=origin,
            held=registry.holder(client, model, to),
            override=override,
        )
        return consider(client, model, number, to, thresholds_of(profile.gates, to), evidence)


def _newest(profile: Profile, to: Step, digest: str) -> str:
    """The newest evaluation of these weights on all that this gate asks for, before later ones of other suites."""
    gate = thresholds_of(profile.gates, to)
    needed = {measure.partition(".")[0] for measure in (*gate.rise, *gate.hold)}
    needed |= {name for name, suite in profile.evaluation.suites.items() if suite.group == "retention"}

    def enough(tags: Mapping[str, str]) -> bool:
        only = tags.get("rustml.param.suites", "")
        return not only or needed <= set(only.split(","))

    return tracking.newest(WEIGHTS, digest, enough)


def _baseline_weights(client: MlflowClient, model: str, origin: str, base: str) -> str:
    """Digest of the weights that a candidate is compared with."""
    if origin:
        return checkpoint.digest(registry.files_of(client, model, origin))
    if not base:
        raise InputError("this gate compares with the base model: give its run id (base) or its evaluation (baseline)")
    return checkpoint.digest(tracking.output(base) / versions.MODEL)


def _standing(profile: Profile, number: str, to: Step, candidate_run: str, baseline_run: str) -> Verified | None:
    """The promotion that holds already on the very same evidence, or None."""
    client, model = tracking.client(), profile.registered_model
    try:
        verified = verify(client, model, number, to, thresholds=thresholds_of(profile.gates, to))
    except EvidenceError:
        return None
    reports = tuple(registry.evaluation_of(client, run).digest for run in (candidate_run, baseline_run))
    same = (verified.decision.candidate_report, verified.decision.baseline_report) == reports
    return verified if same else None
