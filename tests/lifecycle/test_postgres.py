"""Lifecycles and sweeps side by side on a PostgreSQL store that nobody has made yet."""

import json
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.lifecycle.test_lifecycle import finish, runs
from tests.support import postgres
from tests.support.micro_lifecycle import MODEL, Start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


def test_two_lifecycles_and_then_two_sweeps_share_a_new_store(start: Start) -> None:
    with postgres.running() as server:
        store = {"MLFLOW_TRACKING_URI": postgres.empty_database(server)}
        lifecycles = [
            start("lifecycle", "--set", f"seed={seed} registered_model={name}", environment=store)
            for seed, name in ((17, MODEL), (18, OTHER))
        ]
        for code, text in map(finish, lifecycles):
            assert code == 0, text
        client = MlflowClient(store["MLFLOW_TRACKING_URI"], registry_uri=store["MLFLOW_TRACKING_URI"])
        assert {run.info.status for run in runs(client)} == {"FINISHED"}
        for name in (MODEL, OTHER):
            assert {"sft", "grpo", "fp8", "champion"} <= client.get_registered_model(name).aliases.keys()
        sweeps = [start("sweep", *given(client), "--grid", grid, environment=store) for grid in GRIDS]
        for code, text in map(finish, sweeps):
            assert code == 0, text
        done = [run for run in runs(client) if run.data.tags.get("rustml.stage") == "sweep"]
        assert sorted(tried(run.info.artifact_uri) for run in done) == [["done", "done"], ["done", "done"]]


OTHER = f"{MODEL}-2"
GRIDS = ("sft.steps=8|9", "sft.steps=9|10")


def given(client: MlflowClient) -> list[str]:
    """Arguments that name the runs of the first lifecycle that a sweep starts from."""
    made = {run.data.tags["rustml.stage"]: run for run in runs(client) if run.data.params.get("profile.seed") == "17"}
    return [word for role in ("base", "bank", "pairs") for word in (f"--{role}", made[role].info.run_id)]


def tried(uri: str) -> list[str]:
    """How the settings of a sweep ended."""
    trials = json.loads((Path(uri.removeprefix("file://")) / "sweep.json").read_text())["trials"]
    return [trial["status"] for trial in trials]
