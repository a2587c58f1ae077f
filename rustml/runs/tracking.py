"""The MLflow runs of stages, as other rooms use them: run a stage, or find what another one made."""

from rustml.runs.finished_runs import (
    KEY,
    OUTPUT,
    STAGE,
    Finished,
    cache_layout,
    complete_runs,
    finished,
    newest,
    output,
    output_digest,
    stage_of,
    tagged,
)
from rustml.runs.mlflow_client import client, experiment, home, public_uri
from rustml.runs.open_run import WORKER, plain_run
from rustml.runs.stage_runs import NotFinished, only_finding, run_stage
from rustml.runs.transfer import local_artifacts

__all__ = [
    "KEY",
    "OUTPUT",
    "STAGE",
    "WORKER",
    "Finished",
    "NotFinished",
    "cache_layout",
    "client",
    "complete_runs",
    "experiment",
    "finished",
    "home",
    "local_artifacts",
    "newest",
    "only_finding",
    "output",
    "output_digest",
    "plain_run",
    "public_uri",
    "run_stage",
    "stage_of",
    "tagged",
]
