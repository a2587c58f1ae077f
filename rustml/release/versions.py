"""From what a user names as a model to its files, and from a finished training run to its registered version."""

from dataclasses import dataclass
from pathlib import Path

from rustml.errors import InputError
from rustml.models import checkpoint as checkpoints
from rustml.models import hub
from rustml.release.fetching import downloads
from rustml.release.ladder import maker_label
from rustml.release.registry import STEP_TAG, ModelVersion, open_registry
from rustml.runs import stage, tracking
from rustml.runs.description import lead_with

SCHEME = "models:/"
MODEL = stage.MODEL
"""Folder of a checkpoint in the output of the stage that made it."""


@dataclass(frozen=True)
class Checkpoint:
    """A model's files, and by what they are known."""

    name: str
    """As the user named it."""
    folder: Path
    digest: str
    """Of its weights; see rustml.models.checkpoint."""
    run: str = ""
    """That made it; empty where no run of this store did."""


def checkpoint(name: str, registered_model: str) -> Checkpoint:
    """The checkpoint that `name` means.

    A run id, `models:/NAME/VERSION`, a version's number, a local folder, or `OWNER/NAME@COMMIT` on the model hub.
    Raises InputError for anything else: an alias or a branch may point elsewhere tomorrow (only `serve` takes an
    alias); EnvironmentFault when the hub does not answer.
    """
    if name.isdigit():
        return _registered(f"{SCHEME}{registered_model}/{name}")
    if name.startswith(SCHEME):
        return _registered(name)
    folder = with_base(_folder(name))
    return Checkpoint(
        name, folder, checkpoints.digest(folder), "" if _outside(name) else tracking.finished(name).run_id
    )


def folder_of(name: str, registered_model: str) -> Path:
    """The folder that `checkpoint` means by `name`, as it lies: the base of an adapter may be missing."""
    return _folder(f"{SCHEME}{registered_model}/{name}" if name.isdigit() else name)


def with_base(folder: Path) -> Path:
    """The checkpoint in `folder`; of an adapter whose base is a run or a version, a view that names the base's folder.

    Its digest is the same. Raises InputError as `checkpoint` does, and where files show no kind of checkpoint.
    """
    base = checkpoints.read(folder).base
    if base is None or Path(base.name).is_dir():
        return folder
    return checkpoints.view(folder, with_base(_folder(base.name)), downloads())


def _folder(name: str) -> Path:
    """The folder that `checkpoint` means by a name that is not only a number."""
    if name.startswith(SCHEME):
        return _version(name).folder
    return Path(name) if Path(name).is_dir() else _elsewhere(name)


def _elsewhere(name: str) -> Path:
    """The folder of a checkpoint on the hub or of a run."""
    pinned = hub.PINNED.fullmatch(name)
    if pinned:
        return hub.cached(pinned["repository"], pinned["commit"], tracking.cache_layout().hub_checkpoints)
    if hub.UNPINNED.fullmatch(name):
        raise InputError(
            f"{name} is not a folder; for the model hub, name the commit too: OWNER/NAME@COMMIT (40 digits)"
        )
    return tracking.output(name) / MODEL


def label(name: str, registered_model: str) -> str:
    """A model as the UI names it: its step and its version, as in `base` or `sft v1`; else its folder."""
    if name.isdigit() or name.startswith(SCHEME):
        model, _, number = name.removeprefix(SCHEME).rpartition("/")
        version = open_registry(model or registered_model).version(number)
        return f"{version.tags.get(STEP_TAG) or maker_label(version.made_by)} v{number}".strip()
    return Path(name).name[:60] if _outside(name) else _step_of_run(name)


def _outside(name: str) -> bool:
    """Whether a name means a folder or a model on the hub. Otherwise it is the id of a run."""
    return Path(name).is_dir() or "/" in name


def _step_of_run(run_id: str) -> str:
    return maker_label(tracking.finished(run_id).tags.get(tracking.STAGE, ""))


def _registered(uri: str) -> Checkpoint:
    version = _version(uri)
    return Checkpoint(uri, with_base(version.folder), version.digest, version.run_id)


def _version(uri: str) -> ModelVersion:
    model, _, number = uri.removeprefix(SCHEME).partition("/")
    if "@" in model or not number.isdigit():
        raise InputError(f"{uri} names no version; use {SCHEME}{model.partition('@')[0]}/NUMBER")
    return open_registry(model).version(number)


def ensure(registered_model: str, run_id: str, *, parent: str = "", step: str = "") -> str:
    """Number of the version registered from a run's checkpoint, made where there is none yet.

    The run must be complete: a half-written checkpoint is never registered. `parent` and `step` as in
    `Registry.register`.
    """
    folder, registry = tracking.output(run_id) / MODEL, open_registry(registered_model)
    version = registry.registered_from(run_id)
    if version is None:
        source = f"runs:/{run_id}/output/{MODEL}"
        version = registry.register(folder, source, run_id=run_id, parent=parent, step=step)
        lead_with(run_id, _registered_note(registered_model, run_id, version.number))
    return version.number


def _registered_note(model: str, run_id: str, number: str) -> str:
    """What the page of a run says of the version that its checkpoint became."""
    bank = tracking.finished(run_id).tags.get("rustml.input.bank", "RUN")
    page = f"[version {number}](#/models/{model}/versions/{number})"
    return f"Registered as {page} of `{model}`. Next: `mlflow run . -e evaluate -P model={number} -P bank={bank}`"


def version_number(candidate: str, registered_model: str) -> str:
    """The number in `3` or `models:/NAME/3`. Raises InputError for another model, or where there is no number."""
    number = candidate.removeprefix(f"{SCHEME}{registered_model}/")
    if not number.isdigit():
        raise InputError(
            f"{candidate!r} is not a version of {registered_model}: give its number, as in 3 or "
            f"{SCHEME}{registered_model}/3; an alias may point elsewhere tomorrow"
        )
    return number
