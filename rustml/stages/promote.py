"""Compare a version with its baseline and move it one step on, or refuse with the reasons."""

from dataclasses import dataclass

import click
from msgspec.structs import replace

from rustml.errors import RustmlError
from rustml.profile import Profile
from rustml.profile.gates import Thresholds
from rustml.release import card, find_evidence, versions
from rustml.release.evidence import VerifiedVersion
from rustml.release.gated_metrics import check_ladder_and_gates
from rustml.release.gates import Decision
from rustml.release.ladder import Ladder, Step, ladder_of, thresholds_of
from rustml.release.next_command import next_command
from rustml.release.promotion import Request, Sources, decide_and_promote, decided
from rustml.release.registry import ModelVersion, Registry, open_registry
from rustml.runs import tracking
from rustml.stages import smoke_gate


def run(  # noqa: PLR0913  one per option of the command
    profile: Profile,
    *,
    candidate: str,
    to: str,
    evaluation: str = "",
    baseline: str = "",
    base: str = "",
    override: str = "",
    smoke: str = "",
    parent: str | None = None,
) -> VerifiedVersion:
    """Promote a version on the evidence of two evaluation runs.

    A step that makes no version is the one that is served: its gate asks a server of the version for answers too,
    unless `smoke` names a run of `serve` that did.

    `evaluation` and `baseline` default to the newest ones of the version and of what the step compares it with: the
    version that it was made from, or the base model, whose run is `base`. Raises InputError for a step that the
    profile's ladder lacks, GateRefused with the reasons, EvidenceError where an evaluation is missing.
    """
    promotion = _promotion(profile, candidate, to, evaluation, baseline, base)
    runs = (promotion.sources.candidate_run, promotion.sources.baseline_run)
    standing = find_evidence.standing_promotion(promotion.version, promotion.step, promotion.thresholds, runs)
    if standing is not None and not override:
        return standing
    return _promote(profile, promotion, override, smoke, parent)


def rehearse(
    profile: Profile, *, candidate: str, to: str, evaluation: str = "", baseline: str = "", base: str = ""
) -> Decision:
    """What `run` would decide. Nothing is written: no run, no tag, no alias. Raises as `run`, but never GateRefused."""
    promotion = _promotion(profile, candidate, to, evaluation, baseline, base)
    return decided(promotion.registry, promotion.sources, promotion.thresholds)


@dataclass(frozen=True)
class _Promotion:
    """A promotion that is asked for, its evidence found."""

    ladder: Ladder
    step: Step
    thresholds: Thresholds
    registry: Registry
    version: ModelVersion
    sources: Sources


def _promotion(profile: Profile, candidate: str, to: str, evaluation: str, baseline: str, base: str) -> _Promotion:
    check_ladder_and_gates(profile)
    ladder, registry = ladder_of(profile), open_registry(profile.registered_model)
    step, thresholds = ladder.step(to), thresholds_of(profile, to)
    version = registry.version(versions.version_number(candidate, profile.registered_model))
    origin = find_evidence.baseline_version(version, step)
    evaluation, baseline = (run and tracking.finished(run).run_id for run in (evaluation, baseline))
    sources = Sources(
        promotion_run="",
        candidate_run=evaluation or find_evidence.newest_evaluation(profile, thresholds, version.digest),
        baseline_run=baseline
        or find_evidence.newest_evaluation(profile, thresholds, find_evidence.baseline_digest(registry, origin, base)),
        baseline_version=origin,
        holder=registry.holder(to),
    )
    return _Promotion(ladder, step, thresholds, registry, version, sources)


def _promote(profile: Profile, promotion: _Promotion, override: str, smoke: str, parent: str | None) -> VerifiedVersion:
    """Decide and promote as a run of its own; the version's page says afterwards what came of it and what is next."""
    number, to = promotion.version.number, promotion.step.name
    attempt = find_evidence.attempt(promotion.version, to, promotion.sources.candidate_run)
    if attempt > 1:
        click.secho(
            f"  attempt {attempt} of {promotion.version.name} at {to}: every further look helps luck", fg="yellow"
        )
    tags = {"version": number, "to": to, "attempt": str(attempt), "judged": promotion.sources.candidate_run}
    tags["judged_weights"] = promotion.version.digest
    title, promoted = f"promote v{number} to {to}" + (f", attempt {attempt}" if attempt > 1 else ""), False
    with tracking.plain_run("promote", tags, parent, title) as run_id, promotion.registry.challenged(number):
        sources = replace(promotion.sources, promotion_run=run_id, override=override)
        smoke_run = smoke_gate.smoke_run(
            profile, promotion.version, promotion.step, sources, promotion.thresholds, given=smoke
        )
        sources = replace(sources, smoke_run=smoke_run)
        try:
            verified = decide_and_promote(
                Request(promotion.registry, promotion.ladder, number, to, sources), promotion.thresholds
            )
            promoted = True
        finally:
            bank = tracking.finished(promotion.sources.candidate_run).tags.get("rustml.input.bank", "RUN")
            following = next_command(number, promotion.step, promotion.ladder, promoted=promoted, bank=bank)
            counted = f"Attempt {attempt} at gate {to}.\n\n" if attempt > 1 else ""
            _refresh_card(promotion.registry, number, f"{counted}Next: `{following}`\n\n")
    return verified


def _refresh_card(registry: Registry, number: str, lead: str) -> None:
    """Let the version's page say what was decided. The page is not evidence: a promotion goes on without it."""
    try:
        card.refresh(registry, number, lead)
    except (RustmlError, OSError) as error:
        click.echo(f"  the card of version {number} was not written anew: {error}", err=True)
