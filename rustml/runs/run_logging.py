"""What a stage's run holds in MLflow: its settings when it starts, its outcome when it ends."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag

from rustml.io import folder_digest
from rustml.profile import Profile
from rustml.profile.layers import DEFAULTS, read
from rustml.profile.load import dump
from rustml.runs import logged_models, transfer
from rustml.runs.finished_runs import OUTPUT, STAGE
from rustml.runs.git import code_commit
from rustml.runs.metric_buffer import MetricBuffer
from rustml.runs.mlflow_client import client
from rustml.runs.stage import MODEL, Outcome, Stage, SuiteData, Workspace

MAX_PARAM_CHARACTERS = 6000
"""What MLflow takes."""
CONTEXT, SOURCE_TYPE = "mlflow.data.context", "local"
"""MLflow's tag of a data set's use, and its type of source that opens any URI of an artifact."""
MODELS = frozenset({"base"})
"""Roles of inputs that are a model, and no data."""
PROFILE_CHARACTERS, MAX_COUNTS = 10_000, 100


def metric_buffer(run_id: str) -> MetricBuffer:
    """A buffer whose points become step metrics of the run."""
    return MetricBuffer(lambda points: client().log_batch(run_id, metrics=[Metric(*point) for point in points]))


def log_settings(run_id: str, stage: Stage, profile: Profile, params: Mapping[str, str]) -> None:
    """Log what decides the output: commit and environment as tags, the stage's part of the profile as params.

    Of the section that bears the stage's name every value is a param, of others those that differ from the defaults.
    The whole profile is an artifact, and so is what stands for outside contents in the key."""
    commit, dirty = code_commit()
    settings = {"profile.seed": profile.seed, "profile.name": profile.name}
    settings |= _telling(stage, dotted(json.loads(msgspec.json.encode(stage.settings(profile)))))
    tags = {"mlflow.source.git.commit": commit, "rustml.dirty": str(dirty).lower()}
    tags |= {f"rustml.param.{name}": text for name, text in params.items()}
    tags |= {f"rustml.environment.{name}": text for name, text in stage.environment(profile).items()}
    client().log_batch(
        run_id,
        params=[Param(name, param(value)) for name, value in settings.items()],
        tags=[RunTag(name, text) for name, text in tags.items()],
    )
    client().log_text(run_id, dump(profile), "profile.yaml")
    contents = {".".join(map(str, path)): text for path, text in stage.contents(profile).items()}
    if contents:
        client().log_dict(run_id, contents, "contents.json")


def _telling(stage: Stage, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The values that tell one run of the stage from another."""
    usual = dotted(read(DEFAULTS))
    own = f"{stage.name}."
    return {
        name: value
        for name, value in settings.items()
        if name.startswith(own) or name not in usual or usual[name] != value
    }


def param(value: object) -> str:
    """A value as a param, lists as YAML has them; of one that MLflow would not take, the beginning, with a note."""
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
    if len(text) <= MAX_PARAM_CHARACTERS:
        return text
    note = f" … cut: {len(text)} characters, whole in profile.yaml"
    return text[: MAX_PARAM_CHARACTERS - len(note)] + note


def log_input_datasets(run_id: str, stage: Stage, inputs: Mapping[str, str]) -> None:
    """Log the data that a stage reads as MLflow data sets: the outputs of the runs `inputs`, by role."""
    for role, source_run in inputs.items():
        if role in MODELS:
            continue
        run = client().get_run(source_run)
        source = json.dumps({"uri": f"{run.info.artifact_uri}/output", "run_id": source_run})
        counts = {name: value for name, value in run.data.metrics.items() if name.startswith(f"{role}.")}
        dataset = Dataset(
            name=f"{role} of {run.info.run_name}",
            digest=str(run.data.tags[OUTPUT])[:32],
            source_type=SOURCE_TYPE,
            source=source,
            profile=json.dumps(counts)[:PROFILE_CHARACTERS] if len(counts) <= MAX_COUNTS else None,
        )
        client().log_inputs(run_id, [DatasetInput(dataset, [InputTag(CONTEXT, stage.reads_for)])])


def log_outcome(run_id: str, workspace: Workspace, outcome: Outcome, inputs: Mapping[str, str]) -> None:
    """Log everything, the output first, since it may take long, and its tag last: then the run counts as complete.

    `inputs` are runs by role. Raises EnvironmentFault where a server does not take the output.
    """
    _log_output(run_id, workspace)
    client().log_batch(run_id, tags=[RunTag(name, text) for name, text in outcome.tags.items()])
    _log_metrics(run_id, workspace, outcome, inputs)
    for name, rows in outcome.tables.items():
        columns = list(rows[0]) if rows else []
        client().log_table(run_id, {column: [row[column] for row in rows] for column in columns}, name)
    _log_datasets(run_id, workspace, outcome.datasets)
    client().log_artifacts(run_id, str(workspace.report))
    client().set_tag(run_id, OUTPUT, folder_digest(workspace.out))


def _log_output(run_id: str, workspace: Workspace) -> None:
    if transfer.local_artifacts(client().get_run(run_id).info.artifact_uri) is not None:
        client().log_artifacts(run_id, str(workspace.out), "output")
    else:
        transfer.upload(run_id, workspace.out, "output", workspace.out.parent / transfer.LEDGER)


def _log_metrics(run_id: str, workspace: Workspace, outcome: Outcome, inputs: Mapping[str, str]) -> None:
    """Log the metrics, tied to the model that was made or measured and to the data that it was measured on."""
    run, now = client().get_run(run_id), int(time.time() * 1000)
    model = _model(run, workspace, outcome)
    data = _log_suite_data(run_id, workspace, outcome.measured.data, inputs) if outcome.measured else {}

    def point(name: str, value: float) -> Metric:
        on = data.get(max((prefix for prefix in data if name.startswith(prefix)), key=len, default=""))
        tied = {"dataset_name": on.name, "dataset_digest": on.digest} if on and model else {}
        return Metric(name, value, now, 0, model_id=model or None, **tied)

    client().log_batch(run_id, metrics=[point(name, value) for name, value in outcome.metrics.items()])


def _model(run: Run, workspace: Workspace, outcome: Outcome) -> str:
    """Id of the model that a stage made or measured; empty where it did neither."""
    if outcome.measured:
        return logged_models.measured(client(), run, outcome.measured)
    if (workspace.out / MODEL).is_dir():
        return logged_models.made(client(), run, run.data.tags[STAGE])
    return ""


def _log_suite_data(
    run_id: str, workspace: Workspace, data: Mapping[str, SuiteData], inputs: Mapping[str, str]
) -> dict[str, Dataset]:
    """Log the files that suites were made of as data sets of the evaluation; those data sets, by prefix of metrics."""
    logged: dict[SuiteData, Dataset] = {}
    for each in data.values():
        path = workspace.inputs[each.role] / each.file
        base = client().get_run(inputs[each.role]).info.artifact_uri
        logged[each] = _dataset(path.stem, path, f"{base}/output/{each.file}")
    client().log_inputs(run_id, [DatasetInput(each, [InputTag(CONTEXT, "evaluation")]) for each in logged.values()])
    return {prefix: logged[each] for prefix, each in data.items()}


def _log_datasets(run_id: str, workspace: Workspace, datasets: Mapping[str, Path]) -> None:
    base = client().get_run(run_id).info.artifact_uri
    for role, path in datasets.items():
        dataset = _dataset(role, path, f"{base}/output/{path.relative_to(workspace.out)}")
        client().log_inputs(run_id, [DatasetInput(dataset, [InputTag(CONTEXT, role)])])


def _dataset(name: str, path: Path, uri: str) -> Dataset:
    """A data set that `mlflow.data.get_source(…).load()` opens."""
    return Dataset(name=name, digest=folder_digest(path)[:32], source_type=SOURCE_TYPE, source=json.dumps({"uri": uri}))


def dotted(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as one mapping with dotted names: `sft.learning_rate`."""
    names: dict[str, Any] = {}
    for name, value in tree.items():
        names |= dotted(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return names
