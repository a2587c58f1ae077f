"""Upload a release to a model hub: explicit, private by default, and only what its gates and its card vouch for."""

import time
from dataclasses import dataclass
from pathlib import Path

import click

from rustml.errors import EvidenceError, InputError
from rustml.io import file_sha256
from rustml.models import checksums, hub_upload
from rustml.profile import Profile
from rustml.release import card, release_folder, versions
from rustml.release.evidence import check_evidence, last_gate
from rustml.release.ladder import ladder_of, thresholds_of
from rustml.release.registry import Registry, open_registry
from rustml.runs import tracking
from rustml.stages import export

PUSHED_TAG = "pushed"
"""Tag of a version: `OWNER/NAME@COMMIT` of its last push."""


@dataclass(frozen=True)
class Pushed:
    """A finished push."""

    run_id: str
    seconds: float
    commit: str
    reused: bool
    """Whether the hub had everything already."""


def run(
    profile: Profile, *, version: str, repository: str, release: str = "", public: bool = False, dry_run: bool = True
) -> Pushed | None:
    """Push the release of a version to `repository`, `OWNER/NAME`; with `dry_run` only say what would be sent.

    `release` is the folder that `export` wrote, by default its own. The token comes from HF_TOKEN; a dry run needs none
    and asks no hub. Raises EvidenceError where no gate let the version through, its evidence does not hold, the card is
    stale, or no licence is stated; InputError for a file that is missing, added or changed and for a repository that
    holds something else; EnvironmentFault where there is no token or the hub does not take it.
    """
    if card.HUB_NAME.fullmatch(repository) is None:
        raise InputError(f"repository: {repository!r} is not OWNER/NAME")
    token = "" if dry_run else hub_upload.token()
    registry = open_registry(profile.registered_model)
    number = versions.version_number(version, profile.registered_model)
    folder = Path(release) if release else export.default_folder(registry.version(number))
    _check_gate(profile, registry, number)
    digests = _release(registry, number, folder)
    _tell(folder, digests, f"{repository} ({'public' if public else 'private'})")
    if dry_run:
        click.echo("  dry run: nothing was sent; push with -P dry_run=false")
        return None
    target = hub_upload.Target(repository, private=not public, token=token)
    return _push(registry, number, folder, digests, target)


def _push(registry: Registry, number: str, folder: Path, digests: dict[str, str], target: hub_upload.Target) -> Pushed:
    """Upload in a run of its own, and tag the version with what the hub calls it."""
    started = time.monotonic()
    with tracking.plain_run("push", {"version": number, "repository": target.repository}) as run_id:
        message = f"Version {number} of {registry.model}"
        done = hub_upload.upload(folder, digests, target, marker=release_folder.NOTE, message=message)
        seconds = time.monotonic() - started
        sent = sum((folder / name).stat().st_size for name in done.sent)
        for name, value in {"files": len(done.sent), "bytes": sent, "seconds": seconds}.items():
            registry.client.log_metric(run_id, f"push.{name}", value)
        registry.client.set_tag(run_id, "rustml.commit", done.commit)
        registry.version(number).tag({PUSHED_TAG: f"{target.repository}@{done.commit}"})
    click.echo(f"  {target.repository}@{done.commit}: {len(done.sent)} files new, {len(done.removed)} removed")
    return Pushed(run_id, seconds, done.commit, reused=not done.sent and not done.removed)


def _check_gate(profile: Profile, registry: Registry, number: str) -> None:
    """Check the evidence of the last gate that let the version through."""
    step = last_gate(registry, number, ladder_of(profile))
    verified = check_evidence(registry, number, step, thresholds=thresholds_of(profile, step.name))
    if verified.in_spite:
        click.secho(f"  WARNING: {verified.label} is {step.name}{verified.in_spite}", fg="yellow")


def _release(registry: Registry, number: str, folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a release whose card is true and states a licence."""
    note = release_folder.note_of(folder)
    if (note.model, note.version) != (registry.model, number):
        raise InputError(f"{folder} holds version {note.version} of {note.model}, not version {number}: export it")
    release_folder.check(folder, registry)
    front, _ = card.parse((folder / card.CARD).read_text(encoding="utf-8"))
    if front["license"] == "other":
        raise EvidenceError(
            f"no licence is stated for {registry.model} version {number}: name the one under which it is published "
            f"with `export -P version={number} -P licence=ID`"
        )
    return {**checksums.read(folder), checksums.CHECKSUMS: file_sha256(folder / checksums.CHECKSUMS)}


def _tell(folder: Path, digests: dict[str, str], target: str) -> None:
    """List the files with their sizes, in bytes."""
    sizes = {name: (folder / name).stat().st_size for name in sorted(digests)}
    for name, size in sizes.items():
        click.echo(f"  {size:>15,}  {name}")
    click.echo(f"  {sum(sizes.values()):>15,}  in {len(sizes)} files of {folder}, to {target}")
