"""Engines that run the shards of a stage: processes of this machine, or a Ray cluster. Both write the same bytes.

All nodes of a Ray cluster need the output folder and the inputs under the same path, on a shared file system.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from typing import Any, Literal, Protocol

from rustml.errors import EnvironmentFault, RustmlError
from rustml.sharding.ray_cluster import connected

Workers = int | Literal["ray"]
"""The number of processes on this machine, or `ray` for the processors of a Ray cluster."""
RESUMES = "run the stage again: it resumes"
AHEAD = 4
"""Shards queued at Ray per processor: enough to keep it busy, few enough to end quickly."""


class ShardWork(Protocol):
    """The work on one shard: a picklable callable."""

    @property
    def module(self) -> str:
        """Name of the module that the fork server loads before it forks workers."""
        ...

    def __call__(self, index: int) -> None:
        """Make the shard."""
        ...


def worker_count(engine: Literal["local", "ray"]) -> Workers:
    """The workers of an engine that a profile names: as many as it has processors."""
    return "ray" if engine == "ray" else os.cpu_count() or 1


def run_each(workers: Workers, work: ShardWork, todo: Sequence[int]) -> Iterator[None]:
    """Make every shard of `todo`, and yield once per finished shard.

    Raises what `work` raised, or EnvironmentFault when a worker was lost or Ray is not available.
    """
    if workers == "ray":
        yield from _on_ray(work, todo)
    elif workers == 1 or len(todo) <= 1:
        for index in todo:
            work(index)
            yield
    else:
        yield from _on_processes(work, todo, workers)


def _on_processes(work: ShardWork, todo: Sequence[int], workers: int) -> Iterator[None]:
    """Make the shards in a pool whose workers fork from a fresh server with the job's module loaded.

    A fork of the caller would copy the locks that its threads hold at that moment.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.module])
    with ProcessPoolExecutor(min(workers, len(todo)), context, initializer=end_with_parent) as pool:
        futures: list[Future[None]] = [pool.submit(work, index) for index in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise EnvironmentFault(
                f"a worker process was killed; the machine may have run out of memory. Free memory, then {RESUMES}"
            ) from error
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def end_with_parent() -> None:
    """End this worker as soon as the process that started it has ended, even by SIGKILL.

    An orphaned worker would process the queued shards beside the run that resumes.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _on_ray(work: ShardWork, todo: Sequence[int]) -> Iterator[None]:
    """Queue at most `AHEAD` shards per processor; Ray itself retries a shard whose node was lost."""
    ray = connected()
    remote = ray.remote(_error_of)
    shared = ray.put(work)
    rest = iter(todo)
    queue_length = AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
    running = [remote.remote(shared, index) for index in islice(rest, queue_length)]
    while running:
        (task,), running = ray.wait(running, num_returns=1)
        _raise_error(ray, task)
        yield
        running += [remote.remote(shared, index) for index in islice(rest, 1)]


def _error_of(work: ShardWork, index: int) -> RustmlError | None:
    """Make one shard on a node, and return an error of our own as a value: Ray would wrap an exception."""
    try:
        work(index)
    except RustmlError as error:
        return error
    return None


def _raise_error(ray: Any, done: Any) -> None:
    try:
        failure = ray.get(done)
    except ray.exceptions.WorkerCrashedError as error:
        raise EnvironmentFault(f"a worker of the Ray cluster was lost; {RESUMES}") from error
    if failure is not None:
        raise failure
