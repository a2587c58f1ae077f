"""Where the shards of a stage are worked on: processes of this machine, or a Ray cluster. The bytes are the same.

On Ray all nodes need the output folder, and the inputs, under the same path: a shared file system. Ray is an optional
extra (requirements/ray.txt); it joins the cluster that RAY_ADDRESS names, or starts one on this machine.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Literal, Protocol

from rustml.errors import EnvironmentFault, RustmlError

Workers = int | Literal["ray"]
"""So many processes of this machine, or the processors of a Ray cluster."""
RESUMES = "run the stage again, it resumes"
AHEAD = 4
"""Shards handed to Ray for each processor at a time: enough to keep it busy, few enough to end quickly."""
ROOT = Path(__file__).resolve().parents[2]


class Task(Protocol):
    """The work on one shard, picklable."""

    @property
    def module(self) -> str:
        """Name of the module to have loaded before workers are forked."""
        ...

    def __call__(self, index: int) -> None:
        """Make the shard."""
        ...


def crew(engine: Literal["local", "ray"]) -> Workers:
    """Who works where a profile names this engine: all processors that it has."""
    return "ray" if engine == "ray" else os.cpu_count() or 1


def results_of(workers: Workers, task: Task, todo: Sequence[int]) -> Iterator[None]:
    """Work on every shard of `todo`, yielding whenever one is whole.

    Raises what the task raised, or EnvironmentFault when a worker was lost or Ray is not there.
    """
    if workers == "ray":
        yield from _on_ray(task, todo)
    elif workers == 1 or len(todo) <= 1:
        for index in todo:
            task(index)
            yield
    else:
        yield from _pooled(task, todo, workers)


def _pooled(task: Task, todo: Sequence[int], workers: int) -> Iterator[None]:
    """Workers fork from a fresh server that has the job's module loaded, not from the caller.

    A fork of the caller would copy whatever locks its threads hold at that moment.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([task.module])
    with ProcessPoolExecutor(min(workers, len(todo)), context, initializer=end_with_parent) as pool:
        futures: list[Future[None]] = [pool.submit(task, index) for index in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise EnvironmentFault(f"a worker process was killed, perhaps for want of memory; {RESUMES}") from error
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def end_with_parent() -> None:
    """End this worker as soon as the process that asked for it is gone, even by SIGKILL.

    Otherwise it would go on with the shards that are queued, beside the run that resumes.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _on_ray(task: Task, todo: Sequence[int]) -> Iterator[None]:
    """At most `AHEAD` shards a processor are handed out; Ray itself tries one again whose node was lost."""
    ray = _ray()
    work = ray.remote(_told)
    shared = ray.put(task)
    left = iter(todo)
    ahead = AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
    running = [work.remote(shared, index) for index in islice(left, ahead)]
    while running:
        (done,), running = ray.wait(running, num_returns=1)
        _raise_what_failed(ray, done)
        yield
        running += [work.remote(shared, index) for index in islice(left, 1)]


def _told(task: Task, index: int) -> RustmlError | None:
    """Runs on a node: our own errors come back as they are, not inside one of Ray's."""
    try:
        task(index)
    except RustmlError as error:
        return error
    return None


def _raise_what_failed(ray: Any, done: Any) -> None:
    try:
        failure = ray.get(done)
    except ray.exceptions.WorkerCrashedError as error:
        raise EnvironmentFault(f"a worker of the Ray cluster was lost; {RESUMES}") from error
    if failure is not None:
        raise failure


def _ray() -> Any:
    """Ray, connected. Raises EnvironmentFault where it is not installed or the cluster does not answer."""
    try:
        import ray  # noqa: PLC0415  an optional extra
    except ImportError as error:
        raise EnvironmentFault(
            "engine: ray needs Ray: pip install -r requirements/ray.txt; or set engine: local in the profile"
        ) from error
    if not ray.is_initialized():
        try:
            ours = {"env_vars": {"PYTHONPATH": str(ROOT)}}
            ray.init(runtime_env=ours, log_to_driver=False, include_dashboard=False, configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EnvironmentFault(f"the Ray cluster does not answer: {str(error)[:200]}") from error
    return ray
