"""Open an MLflow run, and end it with the status that its body earned."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress

from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException

from rustml.runs.finished_runs import STAGE, newest_first
from rustml.runs.mlflow_client import client, experiment, store_failure
from rustml.runs.processes import has_ended, process_name

WORKER = "rustml.worker"


@contextmanager
def plain_run(name: str, tags: Mapping[str, str], parent: str | None = None, title: str = "") -> Iterator[str]:
    """A run that is not a stage, such as a promotion: it has no output, and is never reused. `title` as for a stage."""
    with open_run(name, parent, title) as run_id:
        for tag, text in tags.items():
            client().set_tag(run_id, f"rustml.{tag}", text)
        yield run_id


@contextmanager
def open_run(name: str, parent: str | None, title: str = "") -> Iterator[str]:
    """Create the run (resume it where `mlflow run` created it) and mark it as finished, failed or killed at the end.

    Yields the run's id. Raises EnvironmentFault when the store fails on the way.
    """
    _close_orphans()
    run_id = _create_or_resume(title or name, parent)
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
    finally:
        with suppress(MlflowException) if status != RunStatus.FINISHED else nullcontext():
            client().set_terminated(run_id, RunStatus.to_string(status))


def _create_or_resume(title: str, parent: str | None) -> str:
    run_id = os.environ.pop("MLFLOW_RUN_ID", "")
    if run_id:
        client().set_tag(run_id, "mlflow.runName", title)
        return run_id
    tags = {"mlflow.parentRunId": parent} if parent else {}
    return str(client().create_run(experiment(), run_name=title, tags=tags).info.run_id)


def _close_orphans() -> None:
    """Mark running runs whose process has ended as killed, so that the UI does not show them as running for ever."""
    for run in newest_first("attributes.status = 'RUNNING'"):
        if has_ended(run.data.tags.get(WORKER, "")):
            client().set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
