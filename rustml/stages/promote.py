"""Compare a version with its baseline and move it one step on, or refuse with the reasons."""

import click

from rustml.errors import RustmlError
from rustml.profile import Profile
from rustml.release import card, find_evidence, versions
from rustml.release.evidence import VerifiedVersion
from rustml.release.gated_metrics import check_ladder_and_gates
from rustml.release.ladder import ladder_of, thresholds_of
from rustml.release.promotion import Request, Sources, decide_and_promote
from rustml.release.registry import Registry, open_registry
from rustml.runs import tracking


def run(
    profile: Profile,
    *,
    candidate: str,
    to: str,
    evaluation: str = "",
    baseline: str = "",
    base: str = "",
    override: str = "",
    parent: str | None = None,
) -> VerifiedVersion:
    """Promote a version on the evidence of two evaluation runs.

    `evaluation` and `baseline` default to the newest ones of the version and of what the step compares it with: the
    version that it was made from, or the base model, whose run is `base`. Raises InputError for a step that the
    profile's ladder lacks, GateRefused with the reasons, EvidenceError where an evaluation is missing.
    """
    check_ladder_and_gates(profile)
    ladder, registry = ladder_of(profile), open_registry(profile.registered_model)
    step, thresholds = ladder.step(to), thresholds_of(profile, to)
    version = registry.version(versions.version_number(candidate, profile.registered_model))
    origin = find_evidence.baseline_version(version, step)
    evaluation, baseline = (run and tracking.finished(run).run_id for run in (evaluation, baseline))
    candidate_run = evaluation or find_evidence.newest_evaluation(profile, thresholds, version.digest)
    baseline_run = baseline or find_evidence.newest_evaluation(
        profile, thresholds, find_evidence.baseline_digest(registry, origin, base)
    )
    standing = find_evidence.standing_promotion(version, step, thresholds, (candidate_run, baseline_run))
    if standing is not None and not override:
        return standing
    title = f"promote v{version.number} to {to}"
    with tracking.plain_run("promote", {"version": version.number, "to": to}, parent, title) as run_id:
        sources = Sources(
            promotion_run=run_id,
            candidate_run=candidate_run,
            baseline_run=baseline_run,
            baseline_version=origin,
            holder=registry.holder(to),
            override=override,
        )
        try:
            return decide_and_promote(Request(registry, ladder, version.number, to, sources), thresholds)
        finally:
            _refresh_card(registry, version.number)


def _refresh_card(registry: Registry, number: str) -> None:
    """Let the version's page say what was decided. It is no evidence, so that what stops it stops no promotion."""
    try:
        card.refresh(registry, number)
    except (RustmlError, OSError) as error:
        click.echo(f"  the card of version {number} was not written anew: {error}", err=True)
