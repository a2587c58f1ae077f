"""Write a registered version as a release: a folder that others load, with its card and checksums."""

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from rustml.errors import EvidenceError, InputError
from rustml.io import whole_folder
from rustml.models import checksums, export, gguf_export, gguf_release, tensor_files
from rustml.profile import Profile
from rustml.release import card, release_folder, versions
from rustml.release.lineage import LICENCE_TAG
from rustml.release.registry import WEIGHTS_TAG, ModelVersion, open_registry
from rustml.runs import tracking


@dataclass(frozen=True)
class Exported:
    """A finished export."""

    folder: Path
    run_id: str
    seconds: float
    reused: bool
    """Whether the files were there already, and the card alone was written anew."""


def run(
    profile: Profile, *, version: str, out: str = "", licence: str = "", gguf: str = "", reuse: bool = True
) -> Exported:
    """Export a version of the profile's registered model into the folder `out`, by default below `releases`.

    `licence`, an identifier such as `apache-2.0`, is noted with the version, as the one under which it is published;
    empty leaves what was noted, or the base's. `gguf` names formats of GGUF to write beside, as in `BF16,Q8_0`.
    Raises InputError for a damaged file, for a folder that holds something else, for a licence that is not an
    identifier and for a model that GGUF cannot hold; EvidenceError where the weights are not those that were
    registered; EnvironmentFault where the disk is too small or llama.cpp is missing.
    """
    registry = open_registry(profile.registered_model)
    registered = registry.version(versions.version_number(version, profile.registered_model))
    if licence and not card.LICENCE_ID.fullmatch(licence):
        raise InputError(f"licence: {licence!r} is not the identifier of a licence, such as apache-2.0")
    formats = gguf_release.formats(gguf)
    folder = Path(out) if out else default_folder(registered)
    weights = check_weights(registered)
    known = reuse and _holds(folder, registered, weights, formats)
    if licence:
        registered.tag({LICENCE_TAG: licence})
    started = time.monotonic()
    with tracking.plain_run("export", {"version": registered.number, "folder": folder.name}) as run_id:
        sizes = {} if known else _write(registered, weights, folder, formats)
        if known:
            release_folder.describe(folder, registered, weights)
        card.refresh(registry, registered.number)
        seconds = time.monotonic() - started
        for name, value in {**sizes, "seconds": seconds}.items():
            registry.client.log_metric(run_id, f"export.{name}", value)
        for name in (card.CARD, checksums.CHECKSUMS):
            registry.client.log_artifact(run_id, str(folder / name))
    what = "the card anew" if known else f"{sizes['bytes'] / 1e6:.1f} MB of weights"
    click.echo(f"  {folder}: {what}")
    return Exported(folder, run_id, seconds, known)


def check_weights(registered: ModelVersion) -> str:
    """Digest of a version's weights.

    Raises InputError that names the file for one that is cut off, EvidenceError where the files are whole, but not
    those that were registered.
    """
    tensor_files.tensors(registered.folder)
    stated = registered.tags.get(WEIGHTS_TAG, "")
    if registered.digest != stated:
        raise EvidenceError(
            f"the files of {registered.name} in {registered.folder} are not those that were registered (digest "
            f"{stated[:12] or 'none'}, now {registered.digest[:12]}): a file was changed or damaged. Restore it"
        )
    return stated


def _name(registered: ModelVersion) -> str:
    return re.sub(r"[^\w.-]", "-", f"{registered.registry.model}-v{registered.number}")


def default_folder(registered: ModelVersion) -> Path:
    """Where `export` writes a version unless told otherwise."""
    return tracking.home() / "releases" / _name(registered)


def _holds(folder: Path, registered: ModelVersion, weights: str, formats: Sequence[str]) -> bool:
    """Whether `folder` holds this release, whole, in these formats. Raises InputError where it holds anything else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    note = release_folder.note_of(folder)
    wanted = release_folder.Release(model=registered.registry.model, version=registered.number, weights=weights)
    if note != wanted:
        raise InputError(f"{folder} holds version {note.version} of {note.model}: name another folder, or remove it")
    try:
        digests = checksums.check(folder)
    except InputError as error:
        click.echo(f"  written again: {error}", err=True)
        return False
    return all(f"{gguf_release.FOLDER}/{_name(registered)}-{name}.gguf" in digests for name in formats)


def _write(registered: ModelVersion, weights: str, folder: Path, formats: Sequence[str]) -> dict[str, float]:
    source = versions.with_base(registered.folder)
    if formats:
        gguf_export.check(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    export.check_space(folder.parent, export.bytes_needed(source, [gguf_release.SHARES[name] for name in formats]))
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as scratch,
        whole_folder(folder) as partial,
    ):
        sizes = export.write_checkpoint(source, partial, Path(scratch))
        files = gguf_release.write(partial, formats, _name(registered), Path(scratch))
        release_folder.describe(partial, registered, weights)
    return {**sizes, **{f"gguf.{name}": size for name, size in files.items()}}
