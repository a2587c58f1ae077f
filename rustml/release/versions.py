"""From what a user names as a model to its files, and from a finished training run to its registered version."""

from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from rustml import tracking
from rustml.errors import InputError
from rustml.evaluation import weights
from rustml.release import registry
from rustml.release.registry import STEPS

SCHEME = "models:/"
MODEL = "model"
"""Folder of a checkpoint in the output of the stage that made it."""


@dataclass(frozen=True)
class Checkpoint:
    """A model's files and who they are."""

    name: str
    """As the user named it."""
    folder: Path
    digest: str
    """Of its weights; see rustml.evaluation.weights."""


def checkpoint(name: str, registered_model: str) -> Checkpoint:
    """The checkpoint that `name` means: a run id, `models:/NAME/VERSION`, a version's number, or a local folder.

    Raises InputError for anything else: an alias may point elsewhere tomorrow, so that only `serve` takes one.
    """
    if name.isdigit():
        return _registered(f"{SCHEME}{registered_model}/{name}")
    if name.startswith(SCHEME):
        return _registered(name)
    folder = Path(name)
    if not folder.is_dir():
        folder = tracking.output(name) / MODEL
    return Checkpoint(name, folder, weights.digest(folder))


def _registered(uri: str) -> Checkpoint:
    model, _, version = uri.removeprefix(SCHEME).partition("/")
    if "@" in model or not version.isdigit():
        raise InputError(f"{uri} names no version; use {SCHEME}{model.partition('@')[0]}/NUMBER")
    client = tracking.client()
    registry.version_of(client, model, version)
    folder = registry.files_of(client, model, version)
    return Checkpoint(uri, folder, weights.digest(folder))


def ensure(client: MlflowClient, model: str, run_id: str, parent: str = "") -> str:
    """The version registered from a run's checkpoint, made where there is none yet.

    The run must be complete: a half-written checkpoint is never registered.
    """
    folder = tracking.output(run_id) / MODEL
    found = client.search_model_versions(f"name = '{model}' and run_id = '{run_id}'")
    if found:
        return str(found[0].version)
    made = registry.register(client, model, folder, f"runs:/{run_id}/output/{MODEL}", run_id=run_id, parent=parent)
    return str(made.version)


def version_number(candidate: str, registered_model: str) -> str:
    """The number in `3` or `models:/NAME/3`. Raises InputError for another model or no number."""
    number = candidate.removeprefix(f"{SCHEME}{registered_model}/")
    if not number.isdigit():
        steps = ", ".join(STEPS)
        raise InputError(f"{candidate!r} is no version of {registered_model}; give its number (aliases: {steps})")
    return number
