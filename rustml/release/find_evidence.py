"""The evaluations that a promotion is decided on, where the user names none, and the promotion that already holds."""

from collections.abc import Mapping

from rustml.errors import EvidenceError, InputError
from rustml.evaluation.kinds import retained
from rustml.models import checkpoint
from rustml.profile import Profile
from rustml.profile.gates import Thresholds
from rustml.release import versions
from rustml.release.evidence import VerifiedVersion, check_evidence_and_alias
from rustml.release.gates import asked
from rustml.release.ladder import Step, ladder_of, thresholds_of
from rustml.release.registry import ModelVersion, Registry, open_registry
from rustml.runs import tracking

WEIGHTS_RUN_TAG = "rustml.weights"
"""Tag of an evaluation run: digest of the weights that it measured."""


def step_to_make(profile: Profile, stage: str, name: str) -> Step:
    """The step of the profile's ladder that a stage makes a version for: `name`, or the first where it is empty.

    Raises InputError where the ladder leaves the stage out, or another stage makes the versions of `name`.
    """
    ladder = ladder_of(profile)
    step = ladder.step(name) if name else ladder.made_by(stage)
    if step.made_by != stage:
        raise InputError(f"step {name} takes versions of {step.made_by or 'earlier steps'}, not of stage {stage}")
    return step


def required_version(profile: Profile, step: Step, candidate: str) -> VerifiedVersion:
    """The version that a stage starts from, checked against the gate that the stage's step requires.

    Raises InputError for a name that is not a version's and for a step that starts from the base model, EvidenceError
    when the version's evidence is missing or does not hold.
    """
    if not step.requires:
        raise InputError(f"step {step.name} is the first of this profile's ladder: it starts from the base model's run")
    number = versions.version_number(candidate, profile.registered_model)
    gate, thresholds = ladder_of(profile).step(step.requires), thresholds_of(profile, step.requires)
    return check_evidence_and_alias(open_registry(profile.registered_model), number, gate, thresholds=thresholds)


def baseline_version(version: ModelVersion, step: Step) -> str:
    """Number of the version that the step compares with; empty for the base model."""
    return version.parent if step.compared_with == "parent" else ""


def baseline_digest(registry: Registry, number: str, base: str) -> str:
    """Digest of the weights that a candidate is compared with: of version `number`, else of the base run `base`.

    Raises InputError where neither is given.
    """
    if number:
        return registry.digest(number)
    if not base:
        raise InputError("this gate compares with the base model: give its run id (base) or its evaluation (baseline)")
    stage = tracking.stage_of(base)
    if stage != "base":
        raise InputError(f"base: run {base} is of stage {stage or 'none'}, not of base")
    return checkpoint.digest(tracking.output(base) / versions.MODEL)


def newest_evaluation(profile: Profile, thresholds: Thresholds, digest: str) -> str:
    """The newest evaluation of these weights on all that the gate asks for, before later ones of other suites."""
    needed = {metric.partition(".")[0] for metric in asked(thresholds)}
    needed |= {*retained(profile.evaluation.suites)}

    def covers(tags: Mapping[str, str]) -> bool:
        measured = tags.get("rustml.param.suites", "")
        return not measured or needed <= set(measured.split(","))

    return tracking.newest(WEIGHTS_RUN_TAG, digest, covers)


def standing_promotion(
    version: ModelVersion, step: Step, thresholds: Thresholds, runs: tuple[str, str]
) -> VerifiedVersion | None:
    """The promotion that holds already on the same evidence (runs of candidate and baseline), or None."""
    registry = version.registry
    try:
        verified = check_evidence_and_alias(registry, version.number, step, thresholds=thresholds)
    except EvidenceError:
        return None
    reports = tuple(registry.evaluation(run).digest for run in runs)
    same = (verified.decision.candidate_report, verified.decision.baseline_report) == reports
    return verified if same else None


def attempt(version: ModelVersion, to: str, evaluation: str) -> int:
    """Which attempt at a step the version's weights make, from 1: each other evaluation that was decided on counts one.

    The same weights, evaluated with another seed after a refusal, may pass by chance, also under a new version number.
    """
    runs = tracking.tagged({"rustml.judged_weights": version.digest, "rustml.to": to})
    earlier = {tags.get("rustml.judged", "") for tags in runs}
    return len(earlier - {evaluation}) + 1
