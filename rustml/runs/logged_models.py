"""MLflow's `LoggedModel` of each checkpoint: the page of models lists them, and metrics are tied to them.

The weights stay in the output of the run that made them, or outside the store. Nothing is copied: every model is what
MLflow calls external, and its tag `rustml.files` says where the files are.
"""

import json
import re
from collections.abc import Mapping

from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Run
from mlflow.tracking import MlflowClient

from rustml.runs.stage import MODEL, Measured

EXTERNAL, VERSIONS = "mlflow.model.isExternal", "mlflow.modelVersions"
"""Tags of MLflow's own: the mark, and the registered versions as JSON."""
FILES, WEIGHTS = "rustml.files", "rustml.weights"
"""Tags: where the files are, and the digest of weights that no run of this store made."""
REFUSED_CHARACTERS = re.compile(r"""[/:.%"']""")
"""Which MLflow takes in no name of a model."""


def made(client: MlflowClient, run: Run, stage: str) -> str:
    """Log the checkpoint that a run made; the model's id."""
    run_id = run.info.run_id
    params = {"stage": stage, "profile": run.data.tags.get("rustml.profile", "")}
    files = {FILES: f"runs:/{run_id}/output/{MODEL}"}
    model_id = _create(client, run.info.experiment_id, run.info.run_name, files, params, run_id)
    client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    return model_id


def measured(client: MlflowClient, run: Run, subject: Measured) -> str:
    """Log with a run which model it measured; the model's id. One that no run made is logged here."""
    model_id = of_run(client, subject.run) if subject.run else ""
    if not model_id:
        model_id = _of_weights(client, run.info.experiment_id, subject)
    client.log_inputs(run.info.run_id, models=[LoggedModelInput(model_id)])
    return model_id


def link(client: MlflowClient, run_id: str, name: str, version: str) -> None:
    """Show with the model that a run made, if it made one, which registered version it is."""
    model_id = of_run(client, run_id)
    if model_id:
        registered = [{"name": name, "version": version}]
        there = json.loads(client.get_logged_model(model_id).tags.get(VERSIONS, "[]"))
        client.set_logged_model_tags(model_id, {VERSIONS: json.dumps([*there, *registered])})


def of_run(client: MlflowClient, run_id: str) -> str:
    """Id of the model that a run made; empty where it made none, or made it before models were logged."""
    experiment = client.get_run(run_id).info.experiment_id
    models = client.search_logged_models([experiment], f"source_run_id = '{run_id}'", max_results=1)
    return str(models[0].model_id) if models else ""


def _of_weights(client: MlflowClient, experiment: str, subject: Measured) -> str:
    models = client.search_logged_models([experiment], f"tags.`{WEIGHTS}` = '{subject.weights}'", max_results=1)
    if models:
        return str(models[0].model_id)
    return _create(client, experiment, subject.label, {WEIGHTS: subject.weights}, {}, subject.run or None)


def _create(
    client: MlflowClient,
    experiment: str,
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    run_id: str | None,
) -> str:
    model = client.create_logged_model(
        experiment,
        name=REFUSED_CHARACTERS.sub("-", name) or MODEL,
        source_run_id=run_id,
        tags={EXTERNAL: "true", **tags},
        params=dict(params),
        model_type="checkpoint",
    )
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    return str(model.model_id)
