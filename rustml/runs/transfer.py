"""Files sent to a tracking server and fetched from it: after a broken connection, what is missing and no more.

A listing tells names and sizes. The digests of what was sent stand in a ledger in the working folder, so that a stage
that was killed on the way goes on in the same run.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import msgspec
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from rustml.errors import EnvironmentFault, InputError
from rustml.io import file_sha256
from rustml.records import Record
from rustml.runs.mlflow_client import client, tracking_uri
from rustml.runs.tracking_uri import redacted_error

LEDGER = "sent.jsonl"
ATTEMPTS, PAUSE_SECONDS = 3, 1.0
"""Rounds in a row in which nothing arrived until it is given up, and the pause before the next."""
CONNECTIONS = 8
"""Files fetched at once."""
TOO_LARGE = "413"
"""HTTP status with which a server or its proxy refuses a file for its size."""


class Sent(Record, frozen=True):
    """A line of the ledger: a file that a server has taken."""

    run: str
    path: str
    """Among the artifacts of the run."""
    digest: str


def local_artifacts(artifact_uri: str) -> Path | None:
    """The folder of a run's artifacts on this machine; None where a server or a bucket keeps them."""
    folder = Path(artifact_uri.removeprefix("file://"))
    return folder if folder.is_absolute() else None


def receiver(folder: Path) -> str:
    """Id of the run to which a stage began to send what lies in its working folder; empty where none did."""
    sent = _read(folder / LEDGER)
    return sent[-1].run if sent else ""


def upload(run_id: str, folder: Path, to: str, ledger: Path) -> None:
    """Send the files of `folder` to the artifact path `to` of a run, and remove what else is there.

    A file has arrived when the listing has its size and the ledger its digest. Raises EnvironmentFault that names the
    file where nothing arrives any more.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    sent = {line.path: line.digest for line in _read(ledger) if line.run == run_id}
    digests: dict[str, str] = {}

    def arrived(name: str, there: dict[str, int]) -> bool:
        path = f"{to}/{name}"
        if there.get(name) != files[name].stat().st_size or path not in sent:
            return False
        digests[name] = digests.get(name) or file_sha256(files[name])
        return sent[path] == digests[name]

    def missing() -> list[str]:
        there = listing(run_id, to)
        _remove(run_id, [f"{to}/{name}" for name in there.keys() - files.keys()])
        return [name for name in files if not arrived(name, there)]

    def send(names: list[str]) -> None:
        for name in names:
            path = f"{to}/{name}"
            digests[name] = digests.get(name) or file_sha256(files[name])
            client().log_artifact(run_id, str(files[name]), path.rpartition("/")[0])
            sent[path] = digests[name]
            _append(ledger, Sent(run=run_id, path=path, digest=digests[name]))

    _until_whole(missing, send, lambda name: f"{name} ({files[name].stat().st_size >> 20} MiB) cannot be sent")


def download(run_id: str, source: str, folder: Path) -> None:
    """Bring the artifacts `source` of a run into `folder`, below their own path; whole files there are kept.

    Raises InputError where the run has none, EnvironmentFault that names the file where nothing arrives any more.
    """
    there = listing(run_id, source)
    if not there:
        raise InputError(f"the files of run {run_id} are gone from the tracking server: run its stage again")

    folder.mkdir(parents=True, exist_ok=True)
    artifacts = _artifacts(run_id)

    def missing() -> list[str]:
        return [name for name, size in there.items() if not _has(folder / source / name, size)]

    def bring(names: list[str]) -> None:
        paths = [f"{source}/{name}" for name in names]
        with ThreadPoolExecutor(CONNECTIONS) as pool:  # at its end none is on its way, so that sizes can be compared
            list(pool.map(artifacts.download_artifacts, paths, repeat(str(folder))))

    _until_whole(missing, bring, lambda name: f"{name} of run {run_id} cannot be fetched")


def listing(run_id: str, path: str) -> dict[str, int]:
    """Sizes of the files below an artifact path, by their names relative to it."""
    sizes, folders = dict[str, int](), [path]
    while folders:
        for entry in client().list_artifacts(run_id, folders.pop()):
            if entry.is_dir:
                folders.append(entry.path)
            else:
                sizes[entry.path.removeprefix(f"{path}/")] = int(entry.file_size)
    return sizes


def _until_whole(
    missing: Callable[[], list[str]], move: Callable[[list[str]], None], label: Callable[[str], str]
) -> None:
    """Move what is missing until nothing is; a round in which nothing arrived counts as a failure."""
    left, failures, error = missing(), 0, Exception("the server lists another size")
    while left:
        try:
            move(left)
        except (MlflowException, OSError) as raised:
            error = raised
        before, left = left, missing()
        failures = failures + 1 if len(left) >= len(before) else 0
        if left and failures == ATTEMPTS:
            raise _fault(label(left[0]), error) from error
        if left:
            time.sleep(PAUSE_SECONDS)


def _fault(what: str, error: Exception) -> EnvironmentFault:
    reason = redacted_error(error, tracking_uri())
    advice = "Run it again: it goes on with what is missing"
    if TOO_LARGE in reason:
        advice = (
            "The server, or a proxy before it, takes no file of this size: raise its limit, or lower "
            "checkpoints.max_shard_mb of the profile"
        )
    return EnvironmentFault(f"{what} ({reason}). {advice}")


def _remove(run_id: str, paths: list[str]) -> None:
    """Remove files that an earlier attempt left and that the output no longer has."""
    for path in paths:
        _artifacts(run_id).delete_artifacts(path)


def _artifacts(run_id: str) -> ArtifactRepository:
    return get_artifact_repository(str(client().get_run(run_id).info.artifact_uri))


def _has(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _append(ledger: Path, line: Sent) -> None:
    with ledger.open("ab") as stream:
        stream.write(msgspec.json.encode(line) + b"\n")


def _read(ledger: Path) -> list[Sent]:
    """The whole lines of a ledger, the last of which may be cut off; empty where there is none."""
    if not ledger.exists():
        return []
    lines = ledger.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=Sent) for line in lines]
