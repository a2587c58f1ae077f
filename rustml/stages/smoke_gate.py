"""The part of a gate that asks a server: a version that is to be served has to answer tasks over the API first."""

from rustml.errors import EvidenceError, GateRefused, InputError, SmokeFailed
from rustml.profile import Profile
from rustml.profile.gates import Thresholds
from rustml.release import versions
from rustml.release.gates import decide
from rustml.release.ladder import Step
from rustml.release.promotion import Sources, note_refusal
from rustml.release.registry import ModelVersion
from rustml.runs import tracking
from rustml.stages import serve, served_versions


def smoke_run(
    profile: Profile, version: ModelVersion, step: Step, sources: Sources, thresholds: Thresholds, *, given: str = ""
) -> str:
    """The run that served the version and judged its answers: `given`, or one that is found or made now.

    Empty for a step whose versions go on to another, and where the evaluations refuse or a person overrides: no server
    is started in vain, and each server asks again before it serves. Raises GateRefused where too few answers pass.
    """
    if step.made_by or sources.override or not _opens(version, sources, thresholds):
        return ""
    run = given or _served(profile, version, step, sources)
    _check(profile, version, run)
    return run


def _opens(version: ModelVersion, sources: Sources, thresholds: Thresholds) -> bool:
    runs = (sources.candidate_run, sources.baseline_run)
    candidate, baseline = (version.registry.evaluation(run) for run in runs)
    return decide(candidate, baseline, thresholds).passed


def _served(profile: Profile, version: ModelVersion, step: Step, sources: Sources) -> str:
    bank = tracking.finished(sources.candidate_run).tags[served_versions.BANK]
    folder = versions.with_base(version.folder)
    try:
        return serve.smoke(profile, version.number, folder, bank, parent=sources.promotion_run).run_id
    except SmokeFailed as error:
        note_refusal(version, step.name, sources.promotion_run, str(error))
        raise GateRefused(f"{version.name} is not promoted to {step.name}: {error}") from error


def _check(profile: Profile, version: ModelVersion, run: str) -> None:
    """Raises InputError where a run is not of `serve`, EvidenceError where it served other weights or failed."""
    checked = tracking.finished(run)
    if tracking.stage_of(run) != serve.STAGE.name:
        raise InputError(f"smoke: run {run} is not of stage {serve.STAGE.name}")
    if checked.tags.get(served_versions.WEIGHTS) != version.digest:
        raise EvidenceError(f"smoke: run {run} served other weights than those of {version.name}")
    passed = checked.metrics["serve.passed"]
    if passed < profile.serve.smoke_passes:
        raise EvidenceError(f"smoke: {passed:g} answers passed in run {run}, fewer than serve.smoke_passes")
