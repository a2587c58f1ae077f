"""Run a job over numbered shards on several processes, so that a killed run resumes and no byte depends on timing.

A shard is a folder. It is written under a temporary name and renamed when it is whole, so the folder's own name is its
completion marker; what a killed process left behind has the temporary name and is written anew. Where the work is done,
on processes of this machine or on a Ray cluster, is an engine's affair (rustml/streams/engines.py).
"""

import hashlib
import logging
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from rustml.errors import EnvironmentFault, InputError
from rustml.records import Record
from rustml.sharding.engines import Workers, results_of
from rustml.sharding.funnel import Step

log = logging.getLogger(__name__)

SUMMARY = "summary.json"
PLAN = "plan.json"


def silent(done: int, total: int) -> None:
    """A progress callback that shows nothing."""


class Summary(Record, frozen=True):
    """What a shard holds: stored in it, and read back when a run resumes."""

    records: int
    funnel: tuple[Step, ...]
    counts: dict[str, dict[str, float]] = {}
    """Histograms: by name, a number for each value."""
    digests: dict[str, str] = {}
    """SHA-256 of each file in the shard, filled in when the shard is sealed."""


class Job(Protocol):
    """The work on one shard: picklable, and a pure function of its own fields and the shard's number."""

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the shard's files into `folder` and say what they hold."""
        ...


def run(
    job: Job,
    count: int,
    folder: Path,
    *,
    workers: Workers,
    progress: Callable[[int, int], None] = silent,
) -> list[Summary]:
    """Run `job` for the shards 0..count-1 that are not yet whole, and return all summaries in order.

    A failure in one shard ends the run when the running shards are done; finished ones stay for the next run.
    Raises what the job raised, or EnvironmentFault when a worker process was killed or Ray is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    todo = [index for index in range(count) if not (folder / name(index)).is_dir()]
    progress(count - len(todo), count)
    results = results_of(workers, Task(job, folder), todo)
    for done, _ in enumerate(results, start=count - len(todo) + 1):
        progress(done, count)
    _sweep(folder)  # a worker of a killed run may have begun a shard before it noticed
    return [read_summary(folder / name(index)) for index in range(count)]


def _sweep(folder: Path) -> None:
    for left in folder.glob("*.partial"):
        shutil.rmtree(left, ignore_errors=True)


def name(index: int) -> str:
    """The folder name of a shard."""
    return f"{index:05d}"


def read_summary(shard: Path) -> Summary:
    """The summary of a whole shard. Raises InputError when the folder is not one."""
    try:
        return msgspec.json.decode((shard / SUMMARY).read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"{shard} is not a whole shard ({error}); delete the folder and run the stage again"
        ) from error


def whole(folder: Path) -> list[Path]:
    """The whole shards below `folder`, in order. Raises InputError when there is none."""
    shards = sorted(path for path in folder.glob("[0-9]*") if path.is_dir() and path.name.isdigit())
    if not shards:
        raise InputError(f"{folder} holds no shards: run the stage that writes it first")
    return shards


def stamp(folder: Path, plan: dict[str, Any]) -> None:
    """Bind `folder` to `plan`: shards that an earlier run made under another plan are removed, and said so."""
    wanted = msgspec.json.encode(plan, order="sorted")
    path = folder / PLAN
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() == wanted:
        return
    left = [entry for entry in folder.iterdir() if entry.name != PLAN]
    if path.exists() and left:
        log.warning("%s was made under another plan: its %d entries are made anew", folder, len(left))
        for entry in left:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    partial = path.with_name(PLAN + ".partial")
    partial.write_bytes(wanted)
    partial.replace(path)


def remove(folder: Path) -> None:
    """Delete a folder under another name, so that a kill half-way leaves nothing that looks whole."""
    doomed = folder.with_name(folder.name + ".doomed")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)


@dataclass(frozen=True)
class Task:
    """What an engine hands to a worker: picklable, called with a shard's number."""

    job: Job
    folder: Path

    @property
    def module(self) -> str:
        """Where the job is defined."""
        return type(self.job).__module__

    def __call__(self, index: int) -> None:
        """Make one shard. Raises EnvironmentFault where the worker does not see the folder."""
        if not self.folder.is_dir():
            raise EnvironmentFault(f"{platform.node()} does not see {self.folder}: all workers need the same folder")
        seal(self.job, index, self.folder)


def seal(job: Job, index: int, folder: Path) -> None:
    """Run the job for one shard under a name of this process, store its summary, and give it its own name.

    Should another worker have made the shard meanwhile, its bytes are the same, and this copy is dropped.
    """
    final = folder / name(index)
    partial = folder / f"{name(index)}.{platform.node()}-{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    summary = job(index, partial)
    digests = {path.name: _digest(path) for path in sorted(partial.iterdir())}
    (partial / SUMMARY).write_bytes(msgspec.json.encode(msgspec.structs.replace(summary, digests=digests)))
    try:
        partial.rename(final)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not final.is_dir():
            raise


def _digest(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def digest(summaries: Sequence[Summary], file: str) -> str:
    """One SHA-256 over the digests of `file` in each shard, in order."""
    whole_digest = hashlib.sha256()
    for summary in summaries:
        whole_digest.update(f"{summary.digests[file]}\n".encode())
    return whole_digest.hexdigest()
