"""Complete runs of stages: how they are found, and where their output lies.

A run is complete only when it has the tag `rustml.output`, which is written last, after the artifacts.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import LifecycleStage, Run
from mlflow.exceptions import MlflowException

from rustml.cache_layout import CacheLayout
from rustml.errors import EvidenceError, InputError
from rustml.runs import transfer
from rustml.runs.mlflow_client import client, home
from rustml.runs.stage import Stage
from rustml.runs.store_errors import require_absent
from rustml.runs.working_folder import hold

KEY, OUTPUT, STAGE, SECONDS = "rustml.stage_key", "rustml.output", "rustml.stage", "rustml.seconds"
REUSED, MOVED = "rustml.reused", "rustml.run"
"""Tags of a run that stands for another: one that reused it, and one that `mlflow run` opened in experiment Default."""


@dataclass(frozen=True)
class Finished:
    """A complete run of a stage."""

    run_id: str
    digest: str
    """Of the output's content."""
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    seconds: float
    reused: bool = False


def outputs() -> Path:
    """The folder of working copies and caches."""
    return home() / "outputs"


def cache_layout() -> CacheLayout:
    """Where caches lie below `outputs`."""
    return CacheLayout(outputs() / "cache")


def newest_first(query: str) -> Iterator[Run]:
    """Runs of all experiments that match the query, the newest first: evidence holds wherever it was made."""
    experiments, token = [], None
    while token != "":
        page = client().search_experiments(page_token=token)
        experiments += [experiment.experiment_id for experiment in page]
        token = page.token or ""
    yield from client().search_runs(experiments, query, order_by=["attributes.start_time DESC"])


def find(stage: Stage, stage_key: str) -> Finished | None:
    """The newest complete run with this key whose artifacts are still there and still usable, or None."""
    for run in newest_first(f"tags.`{KEY}` = '{stage_key}'"):
        run_id = run.info.run_id
        if OUTPUT not in run.data.tags or not client().list_artifacts(run_id, "output"):
            continue
        if stage.usable is None or stage.usable(output(run_id), cache_layout()):
            return _finished(run, reused=True)
    return None


def newest(tag: str, text: str, enough: Callable[[Mapping[str, str]], bool] = lambda _tags: True) -> str:
    """Id of the newest complete run with this tag, of those whose tags are `enough` if there are any.

    Raises EvidenceError when no complete run has the tag.
    """
    complete = [run for run in newest_first(f"tags.`{tag}` = '{text}'") if OUTPUT in run.data.tags]
    if not complete:
        raise EvidenceError(f"no evaluation of the weights {text[:12]}: run `evaluate` for them first")
    return str(next((run for run in complete if enough(run.data.tags)), complete[0]).info.run_id)


def tagged(tags: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The tags of all runs that have these, the newest first."""
    query = " and ".join(f"tags.`{name}` = '{text}'" for name, text in tags.items())
    for run in newest_first(query):
        yield run.data.tags


def complete_runs(stage_name: str) -> Iterator[str]:
    """Ids of the complete runs of a stage in all experiments, the newest first."""
    for run in newest_first(f"tags.`{STAGE}` = '{stage_name}'"):
        if OUTPUT in run.data.tags:
            yield run.info.run_id


def output_digest(run_id: str) -> str:
    """Content digest of a run's output. Raises InputError when there is no such run, or when it is not complete."""
    tags = _run(run_id).data.tags
    if OUTPUT not in tags:
        raise InputError(f"run {run_id} did not finish: it has no output. Run its stage again; it resumes")
    return str(tags[OUTPUT])


def finished(run_id: str) -> Finished:
    """A complete run by its id. Raises InputError as `output_digest` does."""
    output_digest(run_id)
    return _finished(_run(run_id), reused=False)


def output(run_id: str) -> Path:
    """A local folder with a run's output: the store's own where it is local, else a download kept in the cache."""
    digest, run = output_digest(run_id), _run(run_id)
    local = transfer.local_artifacts(run.info.artifact_uri)
    if local is not None:
        return local / "output"
    with _cached(digest) as folder:
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            transfer.download(run.info.run_id, "output", partial)
            (partial / "output").rename(folder)
            partial.rmdir()
        return folder


def begun(folder: Path, stage_key: str) -> str:
    """Id of the run of this key that was killed while it sent what lies in its working folder; empty for none.

    Raises EnvironmentFault where the store does not say.
    """
    run_id = transfer.receiver(folder)
    try:
        run = client().get_run(run_id) if run_id else None
    except MlflowException as error:
        require_absent(error)
        return ""
    active = run is not None and run.info.lifecycle_stage != LifecycleStage.DELETED
    return run_id if run and active and run.data.tags.get(KEY) == stage_key and OUTPUT not in run.data.tags else ""


def keep_output(run_id: str, made: Path) -> None:
    """Move what a run just sent to a server to where `output` looks for it, so that this machine never fetches it.

    A cache on another disk goes without.
    """
    with _cached(output_digest(run_id)) as folder:
        if not folder.exists():
            with suppress(OSError):
                made.rename(folder)


@contextmanager
def _cached(digest: str) -> Iterator[Path]:
    """The folder of an output by its content, which may not exist; held, since another process may want it too."""
    with hold(cache_layout().downloads / digest[:16], wait=True) as place:
        yield place.folder


def stage_of(run_id: str) -> str:
    """The stage that a run is of; empty where it is of none. Raises InputError when there is no such run."""
    return str(_run(run_id).data.tags.get(STAGE, ""))


def _run(run_id: str) -> Run:
    """The run, or the one that it stands for.

    Raises InputError where there is none, or it was deleted, EnvironmentFault where the store does not say.
    """
    try:
        run = client().get_run(run_id)
    except MlflowException as error:
        require_absent(error)
        raise InputError(f"there is no run {run_id} in this tracking store") from error
    if run.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InputError(f"run {run_id} was deleted: `mlflow runs restore --run-id {run_id}` brings it back")
    other = run.data.tags.get(MOVED) or run.data.tags.get(REUSED)
    return _run(other) if other and OUTPUT not in run.data.tags else run


def _finished(run: Run, *, reused: bool) -> Finished:
    tags = run.data.tags
    return Finished(run.info.run_id, tags[OUTPUT], run.data.metrics, tags, float(tags.get(SECONDS, "nan")), reused)
