"""What a registered version carries, under which names, and how its files and a run's reports are fetched."""

import shutil
import tempfile
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import mlflow
import msgspec
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError, InputError
from rustml.evaluation.results import outcomes
from rustml.evaluation.results.outcomes import Evaluation
from rustml.models import checkpoint
from rustml.release.gates import Decision

Step = Literal["sft", "grpo", "fp8", "champion"]
STEPS: tuple[Step, ...] = ("sft", "grpo", "fp8", "champion")
WEIGHTS, PARENT = "weights_digest", "parent_version"
REPORT = f"output/{outcomes.REPORT}"
"""Where a stage `evaluate` logs its report."""


def decision_artifact(step: Step, version: str) -> str:
    """Where a promotion's run keeps the decision."""
    return f"decision-{step}-v{version}.json"


def gate_tag(step: Step, name: str = "") -> str:
    """Name of a version's tag: `gate.grpo` for the outcome, `gate.grpo.run` and so on for its evidence."""
    return f"gate.{step}.{name}" if name else f"gate.{step}"


def refused_tag(step: Step, name: str = "") -> str:
    """Name of a version's tag after a refusal: `refused.grpo` with the reasons, `refused.grpo.run` with the run."""
    return f"refused.{step}.{name}" if name else f"refused.{step}"


def promoted_tag(step: Step) -> str:
    """Name of the registered model's tag that says which version the last promotion moved there."""
    return f"promoted.{step}"


def register(
    client: MlflowClient, model: str, folder: Path, source: str, *, run_id: str, parent: str = ""
) -> ModelVersion:
    """Register the checkpoint in `folder`, which the registry finds at the URI `source`, and tag whose child it is.

    `parent` is the version that it was trained or quantised from; empty for one made from the base model.
    """
    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {WEIGHTS: checkpoint.digest(folder), PARENT: parent}
    return client.create_model_version(model, source, run_id=run_id, tags=tags)


def version_of(client: MlflowClient, model: str, version: str) -> ModelVersion:
    """The registered version. Raises InputError when there is none."""
    try:
        return client.get_model_version(model, version)
    except MlflowException as error:
        raise InputError(f"the registry holds no version {version} of {model}") from error


def holder(client: MlflowClient, model: str, step: Step) -> str:
    """The version that the alias of a step points at; empty when none does."""
    return str(client.get_registered_model(model).aliases.get(step, ""))


def model_tag(client: MlflowClient, model: str, name: str) -> str:
    """A tag of the registered model; empty when it has none of the name."""
    return str(client.get_registered_model(model).tags.get(name, ""))


def files_of(client: MlflowClient, model: str, version: str) -> Path:
    """A local folder with the version's files: the store's own where it is local, else a download."""
    return fetch(
        client, client.get_model_version_download_uri(model, version), f"the files of {model} version {version}"
    )


def evaluation_of(client: MlflowClient, run_id: str) -> Evaluation:
    """The report of an evaluation run. Raises EvidenceError when the run or its report is gone, or is no report."""
    path = fetch(client, f"runs:/{run_id}/{REPORT}", f"the report of evaluation run {run_id}")
    try:
        return outcomes.load(path)
    except InputError as error:
        raise EvidenceError(f"evaluation run {run_id}: {error}") from error


def decision_of(client: MlflowClient, run_id: str, step: Step, version: str) -> Decision:
    """The decision that a promotion's run keeps. Raises EvidenceError when it is gone, or is no decision."""
    uri = f"runs:/{run_id}/{decision_artifact(step, version)}"
    path = fetch(client, uri, f"the decision of promotion run {run_id}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Decision)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"promotion run {run_id} holds no decision that can be read: {error}") from error


def fetch(client: MlflowClient, uri: str, what: str) -> Path:
    """A local path to an artifact: in place where the store is local, else a download that ends with this process.

    Raises EvidenceError when there is none.
    """
    try:
        place = _artifact_uri(client, uri)
        into = None if urlsplit(place).scheme in ("", "file") else tempfile.mkdtemp(dir=_downloads())
        found = mlflow.artifacts.download_artifacts(artifact_uri=place, tracking_uri=client.tracking_uri, dst_path=into)
        path = Path(found)
    except (MlflowException, OSError) as error:
        raise EvidenceError(f"{what} cannot be fetched from {uri}: {str(error).splitlines()[0][:200]}") from error
    if not path.exists():
        raise EvidenceError(f"{what} is gone from {uri}")
    return path


@cache
def _downloads() -> Path:
    """A folder that is removed when this process ends, be it a child of multiprocessing, which runs no atexit."""
    folder = Path(tempfile.mkdtemp(prefix="rustml-evidence-"))
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=0)
    return folder


def _artifact_uri(client: MlflowClient, uri: str) -> str:
    """The place that a `runs:/` URI names: MLflow would copy what lies there, however near it is."""
    prefix = "runs:/"
    if not uri.startswith(prefix):
        return uri
    run_id, _, path = uri.removeprefix(prefix).partition("/")
    return f"{client.get_run(run_id).info.artifact_uri}/{path}"
