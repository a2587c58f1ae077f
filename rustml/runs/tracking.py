"""The one door to MLflow runs: open or reuse a stage's run, log what it made, find what another one made.

A run is complete only when its tag `rustml.output` is set, which is the last thing written, after the artifacts. A run
without it is a stage that was killed: its working folder is kept under the stage key, and the next run goes on there.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mlflow
import msgspec
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault, EvidenceError, InputError
from rustml.io import folder_digest
from rustml.profile import Profile
from rustml.profile.load import dump
from rustml.runs.metric_buffer import Curves
from rustml.runs.stage import Outcome, Stage, Workspace, key
from rustml.runs.store import DEFAULT, anchored, commit, credentials, flat, gone, public, reason, worker

EXPERIMENT, SECONDS = "rustml", "rustml.seconds"
KEY, OUTPUT, STAGE, WORKER = "rustml.stage_key", "rustml.output", "rustml.runs.stage", "rustml.worker"


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


@cache
def client() -> MlflowClient:
    """The client of this process, its store reached and its schema made. Raises EnvironmentFault when it is down."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DEFAULT}"
    mlflow.set_tracking_uri(_without_password(anchored(uri)))
    try:
        found = MlflowClient()
        found.search_experiments(max_results=1)
    except (MlflowException, OSError, ImportError) as error:  # a database's driver may be missing
        raise EnvironmentFault(
            f"the tracking store {public(uri)} does not answer ({reason(error, uri)}). Start it, or unset "
            f"MLFLOW_TRACKING_URI to use sqlite:///{DEFAULT} here"
        ) from error
    return found


def _without_password(uri: str) -> str:
    """Hand a server's user name and password on where MLflow shows them to nobody: its errors quote the whole URI."""
    bare, user, password = credentials(uri)
    if not uri.startswith("http") or not user:
        return uri
    os.environ.update(MLFLOW_TRACKING_USERNAME=user, MLFLOW_TRACKING_PASSWORD=password)
    return bare


def public_uri() -> str:
    """The store's URI, fit to be shown."""
    client()
    return public(mlflow.get_tracking_uri())


def home() -> Path:
    """The folder for working copies and caches: beside the SQLite store, else where the command runs."""
    client()
    uri = mlflow.get_tracking_uri()
    return Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else Path.cwd()


def experiment() -> str:
    """Id of the experiment: the one that `mlflow run` chose, else `rustml`."""
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if chosen:
        return chosen
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client().get_experiment_by_name(name)
    return str(found.experiment_id if found else client().create_experiment(name))


class NotFinished(Exception):
    """Under `only_finding`: no finished run has the stage's key."""


_finding: ContextVar[bool] = ContextVar("only_finding", default=False)


@contextmanager
def only_finding() -> Iterator[None]:
    """Within it `run_stage` takes over finished runs, and raises NotFinished instead of starting one."""
    token = _finding.set(True)
    try:
        yield
    finally:
        _finding.reset(token)


def _find(stage_key: str) -> Finished | None:
    """The newest complete run with this key, its artifacts still there, or None."""
    for run in _newest_first(f"tags.`{KEY}` = '{stage_key}'"):
        if OUTPUT in run.data.tags and client().list_artifacts(run.info.run_id, "output"):
            return _finished(run, reused=True)
    return None


def _newest_first(query: str) -> Iterator[Run]:
    yield from client().search_runs([experiment()], query, order_by=["attributes.start_time DESC"])


def output_digest(run_id: str) -> str:
    """Content digest of a run's output. Raises InputError when there is no such run, or when it never finished."""
    tags = _run(run_id).data.tags
    if OUTPUT not in tags:
        raise InputError(f"run {run_id} did not finish: it has no output. Run its stage again; it resumes")
    return str(tags[OUTPUT])


def _run(run_id: str) -> Run:
    try:
        return client().get_run(run_id)
    except MlflowException as error:
        raise InputError(f"there is no run {run_id} in this tracking store") from error


def finished(run_id: str) -> Finished:
    """What is known of a complete run."""
    output_digest(run_id)
    return _finished(_run(run_id), reused=False)


def _finished(run: Run, *, reused: bool) -> Finished:
    tags = run.data.tags
    return Finished(run.info.run_id, tags[OUTPUT], run.data.metrics, tags, float(tags.get(SECONDS, "nan")), reused)


def output(run_id: str) -> Path:
    """A local folder with a run's output: the store's own where it is local, else a download kept in the cache."""
    digest = output_digest(run_id)
    uri = str(_run(run_id).info.artifact_uri)
    local = Path(uri.removeprefix("file://"))
    if local.is_absolute():
        return local / "output"
    place = home() / "outputs" / "cache" / "downloads" / digest[:16]
    if not place.exists():
        partial = place.with_name(place.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="output", dst_path=str(partial))
        (partial / "output").rename(place)
    return place


def run_stage(
    stage: Stage,
    profile: Profile,
    body: Callable[[Workspace], Outcome],
    *,
    inputs: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    parent: str | None = None,
    reuse: bool = True,
    title: str = "",
) -> Finished:
    """Run `body` as a stage, or find the run that did the same already.

    `inputs` maps roles to run ids; `title` names the run in the UI, where it is not the stage's name. An exception
    marks the run as failed (Ctrl-C: as killed) and is passed on.
    """
    inputs, params = inputs or {}, params or {}
    digests = {role: output_digest(run_id) for role, run_id in inputs.items()}
    stage_key = key(stage, profile, digests, params)
    earlier = _find(stage_key) if reuse else None
    if _finding.get():
        if earlier is None:
            raise NotFinished(stage.name)
        return earlier
    with _open(stage.name, parent, title) as run_id:
        client().set_tag(run_id, "rustml.profile", profile.name)
        for role, source in inputs.items():
            client().set_tag(run_id, f"rustml.input.{role}", source)
        if earlier is not None:
            client().set_tag(run_id, "rustml.reused", earlier.run_id)
            return earlier
        _describe(run_id, stage, profile, params)
        client().set_tag(run_id, KEY, stage_key)
        curves = Curves(lambda points: client().log_batch(run_id, metrics=[Metric(*point) for point in points]))
        sources = {role: output(source) for role, source in inputs.items()}
        workspace = stage.workspace(home() / "outputs", stage_key, sources, curves)
        started = time.monotonic()
        outcome = body(workspace)
        curves.flush()
        client().set_tag(run_id, SECONDS, f"{time.monotonic() - started:.1f}")
        _log(run_id, workspace, outcome)
    shutil.rmtree(workspace.out.parent)
    return finished(run_id)


@contextmanager
def plain_run(name: str, tags: Mapping[str, str], parent: str | None = None, title: str = "") -> Iterator[str]:
    """A run that is no stage with an output, such as a promotion: nothing of it is reused. `title` as for a stage."""
    with _open(name, parent, title) as run_id:
        for tag, text in tags.items():
            client().set_tag(run_id, f"rustml.{tag}", text)
        yield run_id


def newest(tag: str, text: str, enough: Callable[[Mapping[str, str]], bool] = lambda _tags: True) -> str:
    """Id of the newest complete run with this tag, those that are `enough` first. Raises EvidenceError for none."""
    complete = [run for run in _newest_first(f"tags.`{tag}` = '{text}'") if OUTPUT in run.data.tags]
    if not complete:
        raise EvidenceError(f"no evaluation of the weights {text[:12]}: run `evaluate` for them first")
    return str(next((run for run in complete if enough(run.data.tags)), complete[0]).info.run_id)


@contextmanager
def _open(name: str, parent: str | None, title: str = "") -> Iterator[str]:
    """Open (under `mlflow run`: resume) the run and end it with the status that the body earned."""
    _close_orphans()
    run_id = os.environ.pop("MLFLOW_RUN_ID", "")
    if run_id:
        client().set_tag(run_id, "mlflow.runName", title or name)
    else:
        tags = {"mlflow.parentRunId": parent} if parent else {}
        run_id = client().create_run(experiment(), run_name=title or name, tags=tags).info.run_id
    client().set_tag(run_id, STAGE, name)
    client().set_tag(run_id, WORKER, worker())
    status = RunStatus.FAILED
    try:
        yield run_id
        status = RunStatus.FINISHED
    except KeyboardInterrupt:
        status = RunStatus.KILLED
        raise
    except MlflowException as error:
        why = reason(error, mlflow.get_tracking_uri())
        raise EnvironmentFault(f"the tracking store {public_uri()} failed ({why}). Run it again: it resumes") from error
    finally:
        with suppress(MlflowException) if status != RunStatus.FINISHED else nullcontext():
            client().set_terminated(run_id, RunStatus.to_string(status))


def _describe(run_id: str, stage: Stage, profile: Profile, params: Mapping[str, str]) -> None:
    revision, dirty = commit()
    logged = {"profile.seed": profile.seed}
    logged |= flat({name: msgspec.to_builtins(getattr(profile, name)) for name in stage.sections})
    tags = {"mlflow.source.git.commit": revision, "rustml.dirty": str(dirty).lower()}
    tags |= {f"rustml.param.{name}": text for name, text in params.items()}
    client().log_batch(
        run_id,
        params=[Param(name, str(value)[:500]) for name, value in logged.items()],
        tags=[RunTag(name, text) for name, text in tags.items()],
    )
    client().log_text(run_id, dump(profile), "profile.yaml")


def _close_orphans() -> None:
    """Mark runs whose process is gone as killed, so that the UI shows no eternal runner."""
    for run in _newest_first("attributes.status = 'RUNNING'"):
        if gone(run.data.tags.get(WORKER, "")):
            client().set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def _log(run_id: str, workspace: Workspace, outcome: Outcome) -> None:
    """Log everything, the output last and its tag after it: from then on the run counts as complete."""
    client().log_batch(
        run_id,
        metrics=[Metric(name, value, int(time.time() * 1000), 0) for name, value in outcome.metrics.items()],
        tags=[RunTag(name, text) for name, text in outcome.tags.items()],
    )
    for name, rows in outcome.tables.items():
        columns = list(rows[0]) if rows else []
        client().log_table(run_id, {column: [row[column] for row in rows] for column in columns}, name)
    _log_datasets(run_id, workspace, outcome.datasets)
    client().log_artifacts(run_id, str(workspace.report))
    client().log_artifacts(run_id, str(workspace.out), "output")
    client().set_tag(run_id, OUTPUT, folder_digest(workspace.out))


def _log_datasets(run_id: str, workspace: Workspace, datasets: Mapping[str, Path]) -> None:
    base = client().get_run(run_id).info.artifact_uri
    for role, path in datasets.items():
        source = json.dumps({"uri": f"{base}/output/{path.relative_to(workspace.out)}"})
        dataset = Dataset(name=role, digest=folder_digest(path)[:32], source_type="local", source=source)
        client().log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", role)])])
