"""The description on the page of a stage's run: what the stage does, what it read, its numbers."""

import importlib
import inspect
from collections.abc import Mapping

from mlflow.tracking import MlflowClient

from rustml.runs.mlflow_client import client
from rustml.runs.open_run import NOTE, NOTE_CHARACTERS
from rustml.runs.stage import Stage


def describe(run_id: str, stage: Stage, inputs: Mapping[str, str], note: str = "") -> None:
    """Write the description of a run. `inputs` are runs by role; `note` is what the stage itself has to say."""
    links = [f"- {role}: {run_link(client(), source)}" for role, source in inputs.items()]
    parts = [note, purpose(stage.module), *(["Read:", "\n".join(links)] if links else [])]
    client().set_tag(run_id, NOTE, "\n\n".join(filter(None, parts))[:NOTE_CHARACTERS])


def lead_with(run_id: str, text: str) -> None:
    """Put a paragraph before what the description of a run says."""
    there = client().get_run(run_id).data.tags.get(NOTE, "")
    client().set_tag(run_id, NOTE, f"{text}\n\n{there}".rstrip()[:NOTE_CHARACTERS])


def purpose(module: str) -> str:
    """The first line of a module's docstring, which says what the stage does."""
    return (inspect.getdoc(importlib.import_module(module)) or "").partition("\n")[0]


def run_link(client: MlflowClient, run_id: str) -> str:
    """Markdown link to a run's page."""
    info = client.get_run(run_id).info
    return f"[{info.run_name}](#/experiments/{info.experiment_id}/runs/{run_id})"
