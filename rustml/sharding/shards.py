"""Run a job over numbered shards on several processes, so that a killed run resumes and no byte depends on timing.

A shard is a folder. It is written under a temporary name and renamed when it is complete, so the folder's own name is
its completion marker; a folder that a killed process left behind has the temporary name and is written anew. The engine
(rustml/sharding/engines.py) decides whether processes of this machine or a Ray cluster do the work.
"""

import hashlib
import logging
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from rustml.errors import EnvironmentFault, InputError
from rustml.io import file_sha256, write_bytes
from rustml.progress import ProgressCallback, no_progress
from rustml.records import Record
from rustml.sharding.engines import Workers, run_each
from rustml.sharding.funnel import Step

log = logging.getLogger(__name__)

SUMMARY = "summary.json"
PLAN = "plan.json"


class Summary(Record, frozen=True):
    """The contents of a shard in numbers: stored in the shard, and read back when a run resumes."""

    records: int
    funnel: tuple[Step, ...]
    counts: dict[str, dict[str, float]] = {}
    """Histograms by name: a number per value."""
    digests: dict[str, str] = {}
    """SHA-256 of each file in the shard, filled in by `write_shard`."""


class Job(Protocol):
    """The work on one shard: picklable, and a pure function of its own fields and the shard's number."""

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the shard's files into `folder` and return their summary."""
        ...


def run(
    job: Job,
    count: int,
    folder: Path,
    *,
    workers: Workers,
    progress: ProgressCallback = no_progress,
) -> list[Summary]:
    """Run `job` for those of the shards 0..count-1 that are not finished, and return all summaries in order.

    A failure in one shard ends the run when the running shards are done; finished shards stay for the next run.
    Raises what the job raised, or EnvironmentFault when a worker process was killed or Ray is not available.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_partial(folder)
    todo = [index for index in range(count) if not (folder / shard_name(index)).is_dir()]
    progress(count - len(todo), count)
    finished = run_each(workers, ShardTask(job, folder), todo)
    for number, _ in enumerate(finished, start=count - len(todo) + 1):
        progress(number, count)
    _remove_partial(folder)  # a worker of a killed run may have begun a shard before it noticed
    return [read_summary(folder / shard_name(index)) for index in range(count)]


def _remove_partial(folder: Path) -> None:
    for partial in folder.glob("*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


def shard_name(index: int) -> str:
    """The folder name of a shard."""
    return f"{index:05d}"


def read_summary(shard: Path) -> Summary:
    """The summary of a finished shard. Raises InputError when the folder is not one."""
    try:
        return msgspec.json.decode((shard / SUMMARY).read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"{shard} is not a finished shard ({error}); delete the folder and run the stage again"
        ) from error


def finished_shards(folder: Path) -> list[Path]:
    """The finished shards below `folder`, in order. Raises InputError when there are none."""
    shards = sorted(path for path in folder.glob("[0-9]*") if path.is_dir() and path.name.isdigit())
    if not shards:
        raise InputError(f"{folder} holds no shards: run the stage that writes it first")
    return shards


def bind_to_plan(folder: Path, plan: dict[str, Any]) -> None:
    """Bind `folder` to `plan`: output of an earlier run under another plan is removed, with a warning in the log."""
    text = msgspec.json.encode(plan, order="sorted")
    path = folder / PLAN
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() == text:
        return
    stale = [entry for entry in folder.iterdir() if entry.name != PLAN]
    if path.exists() and stale:
        log.warning("%s was made under another plan: its %d entries are removed and made anew", folder, len(stale))
        for entry in stale:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    write_bytes(path, text)


def remove_atomically(folder: Path) -> None:
    """Rename a folder, then delete it: a kill half-way leaves nothing that looks finished."""
    doomed = folder.with_name(folder.name + ".doomed")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)


@dataclass(frozen=True)
class ShardTask:
    """A job bound to its output folder, as an engine hands it to a worker: called with a shard's number."""

    job: Job
    folder: Path

    @property
    def module(self) -> str:
        """Name of the module that defines the job."""
        return type(self.job).__module__

    def __call__(self, index: int) -> None:
        """Make one shard. Raises EnvironmentFault when the worker does not see the folder."""
        if not self.folder.is_dir():
            raise EnvironmentFault(f"{platform.node()} does not see {self.folder}: all workers need the same folder")
        write_shard(self.job, index, self.folder)


def write_shard(job: Job, index: int, folder: Path) -> None:
    """Run the job for one shard in a folder of this process, store the summary, and rename the folder.

    When another worker has made the shard meanwhile, its bytes are the same, and this copy is dropped.
    """
    final = folder / shard_name(index)
    partial = folder / f"{shard_name(index)}.{platform.node()}-{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    summary = job(index, partial)
    digests = {path.name: file_sha256(path) for path in sorted(partial.iterdir())}
    (partial / SUMMARY).write_bytes(msgspec.json.encode(msgspec.structs.replace(summary, digests=digests)))
    try:
        partial.rename(final)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not final.is_dir():
            raise


def digest(summaries: Sequence[Summary], file: str) -> str:
    """One SHA-256, in hex, over the digests of `file` in each shard, in order."""
    total = hashlib.sha256()
    for summary in summaries:
        total.update(f"{summary.digests[file]}\n".encode())
    return total.hexdigest()
