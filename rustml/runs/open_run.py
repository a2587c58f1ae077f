"""Open an MLflow run, and end it with the status that its body earned."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress

from mlflow.entities import Param, Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException

from rustml.errors import EnvironmentFault, RustmlError
from rustml.runs.finished_runs import MOVED, STAGE, newest_first
from rustml.runs.mlflow_client import client, experiment, tracking_uri
from rustml.runs.origin_tags import origin_tags
from rustml.runs.processes import has_ended, process_name
from rustml.runs.store_errors import store_failure
from rustml.runs.tracking_uri import redacted_error

WORKER = "rustml.worker"
NOTE, RUN_NAME, PARENT = "mlflow.note.content", "mlflow.runName", "mlflow.parentRunId"
"""Tags of MLflow's own: the description on a run's page, its name, its parent."""
FAILED = "**Failed.** "
"""Begins the description of a run that failed; the reason follows."""
RUN_ID = "MLFLOW_RUN_ID"
NOTE_CHARACTERS = 4000


@contextmanager
def plain_run(name: str, tags: Mapping[str, str], parent: str | None = None, title: str = "") -> Iterator[str]:
    """A run that is not a stage, such as a promotion: it has no output, and is never reused. `title` as for a stage."""
    with open_run(name, parent, title) as run_id:
        for tag, text in tags.items():
            client().set_tag(run_id, f"rustml.{tag}", text)
        yield run_id


@contextmanager
def open_run(name: str, parent: str | None, title: str = "", begun: str = "") -> Iterator[str]:
    """Create the run (resume it where `mlflow run` created it) and mark it as finished, failed or killed at the end.

    `begun` is a run that was killed and is to be continued; the one that `mlflow run` created points at it.
    Yields the run's id. Raises EnvironmentFault when the store fails on the way.
    """
    _close_orphans()
    run_id = _continued(begun, title or name, parent) if begun else _create_or_resume(title or name, parent)
    client().set_tag(run_id, STAGE, name)
    client().set_tag(run_id, WORKER, process_name())
    status = RunStatus.FAILED
    try:
        yield run_id
        status = RunStatus.FINISHED
    except KeyboardInterrupt:
        status = RunStatus.KILLED
        raise
    except MlflowException as error:
        raise store_failure(error) from error
    except Exception as error:
        note_failure(run_id, reason_of(error))
        raise
    finally:
        with suppress(MlflowException) if status != RunStatus.FINISHED else nullcontext():
            client().set_terminated(run_id, RunStatus.to_string(status))


def reason_of(error: BaseException) -> str:
    """Why a run failed: the text of an error of ours, else the kind of error and its first line."""
    if isinstance(error, RustmlError):
        return str(error)
    return f"{type(error).__name__}: {redacted_error(error, tracking_uri())}"


def note_failure(run_id: str, reason: str) -> None:
    """Say on the run's page why it failed, before what stands there. A store that fails as well changes nothing."""
    with suppress(MlflowException):
        there = client().get_run(run_id).data.tags.get(NOTE, "")
        client().set_tag(run_id, NOTE, f"{FAILED}{reason}\n\n{there}".rstrip()[:NOTE_CHARACTERS])


def fail_early(title: str, reason: str) -> None:
    """Name the run that `mlflow run` opened, where its command failed before it took the run over, and say why."""
    run_id = os.environ.get(RUN_ID, "")
    if run_id:
        with suppress(MlflowException, EnvironmentFault):
            client().set_tag(run_id, RUN_NAME, title)
            note_failure(run_id, reason)


def _create_or_resume(title: str, parent: str | None) -> str:
    run_id = os.environ.pop(RUN_ID, "")
    if run_id:
        opened = client().get_run(run_id)
        if opened.info.experiment_id == experiment():
            client().set_tag(run_id, RUN_NAME, title)
            return run_id
        return _moved(opened, title)
    tags = {**origin_tags(), **({PARENT: parent} if parent else {})}
    return str(client().create_run(experiment(), run_name=title, tags=tags).info.run_id)


def _continued(begun: str, title: str, parent: str | None) -> str:
    """The run `begun`, which runs again; one that `mlflow run` opened points at it."""
    opened = os.environ.pop(RUN_ID, "")
    if opened:
        _point(opened, begun, f"{title} (continued)")
    client().update_run(begun, RunStatus.to_string(RunStatus.RUNNING))
    if parent:
        client().set_tag(begun, PARENT, parent)
    return begun


def _moved(opened: Run, title: str) -> str:
    """A run in our experiment for one that `mlflow run` opened in another, which keeps its end and a pointer."""
    tags = {name: text for name, text in opened.data.tags.items() if name.startswith("mlflow.") and name != RUN_NAME}
    run_id = str(client().create_run(experiment(), run_name=title, tags=tags).info.run_id)
    client().log_batch(run_id, params=[Param(name, text) for name, text in opened.data.params.items()])
    name = f"{title} (in experiment {client().get_experiment(experiment()).name})"
    _point(opened.info.run_id, run_id, name)
    return run_id


def _point(opened: str, run_id: str, name: str) -> None:
    """Let a run that `mlflow run` opened name the run that does the work."""
    where = client().get_run(run_id).info.experiment_id
    pointer = {
        RUN_NAME: name,
        NOTE: f"`mlflow run` opened this run. What it did: [{run_id}](#/experiments/{where}/runs/{run_id}).",
        MOVED: run_id,
        WORKER: process_name(),
    }
    client().log_batch(opened, tags=[RunTag(name, text) for name, text in pointer.items()])


def _close_orphans() -> None:
    """Mark running runs whose process has ended as killed, so that the UI does not show them as running for ever."""
    for run in newest_first("attributes.status = 'RUNNING'"):
        if has_ended(run.data.tags.get(WORKER, "")):
            client().set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
