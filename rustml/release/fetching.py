"""Artifacts as local paths: of a store on this machine in place, of a tracking server as a download of this process."""

import shutil
import tempfile
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError, InputError
from rustml.runs import tracking


def fetch(client: MlflowClient, uri: str, label: str) -> Path:
    """A local path to an artifact: in place where the store is local, else a download that ends with this process.

    `label` names the artifact in messages. Raises EvidenceError when there is none.
    """
    try:
        artifact = _artifact_uri(client, uri)
        near = urlsplit(artifact).scheme in ("", "file")
        target = None if near else tempfile.mkdtemp(dir=downloads())
        path = Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=artifact, tracking_uri=client.tracking_uri, dst_path=target
            )
        )
    except (MlflowException, OSError) as error:
        raise EvidenceError(f"{label} cannot be fetched from {uri}: {str(error).splitlines()[0][:200]}") from error
    if not path.exists():
        raise EvidenceError(f"{label} is gone from {uri}")
    return path


def kept_output(client: MlflowClient, version: MlflowVersion) -> Path | None:
    """The files of a version on a server that are the output of a complete run, which is fetched once per machine.

    None for other files, as those of a local store.
    """
    prefix, source = f"runs:/{version.run_id}/output/", str(version.source)
    if not source.startswith(prefix):
        return None
    try:
        if tracking.local_artifacts(str(client.get_run(str(version.run_id)).info.artifact_uri)) is not None:
            return None
        return tracking.output(str(version.run_id)) / source.removeprefix(prefix)
    except (MlflowException, InputError):  # the run is gone or was never complete; the files may still be there
        return None


@cache
def downloads() -> Path:
    """A folder that is removed when this process ends, be it a child of multiprocessing, which runs no atexit."""
    folder = Path(tempfile.mkdtemp(prefix="rustml-evidence-"))
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=0)
    return folder


def _artifact_uri(client: MlflowClient, uri: str) -> str:
    """The URI of the store itself for a `runs:/` one, which MLflow would copy even from a local store."""
    prefix = "runs:/"
    if not uri.startswith(prefix):
        return uri
    run_id, _, path = uri.removeprefix(prefix).partition("/")
    return f"{client.get_run(run_id).info.artifact_uri}/{path}"
