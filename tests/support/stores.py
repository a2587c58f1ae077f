"""A real MLflow store, by default on SQLite, with evaluated, registered folders in the place of models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import msgspec
import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from safetensors.numpy import save_file

from rustml.evaluation.results.report_file import Evaluation
from rustml.models import checkpoint
from rustml.profile import Profile
from rustml.profile.gates import Thresholds
from rustml.release import registry
from rustml.release.evidence import VerifiedVersion, check_evidence_and_alias
from rustml.release.ladder import LADDER, Ladder
from rustml.release.promotion import Request, Sources, decide_and_promote
from rustml.release.registry import Registry
from rustml.runs import tracking
from tests.support import postgres
from tests.support.evaluations import evaluation_of

MODEL = "rust-coder"
SHARDS_TOKENIZER = '{"version": "1.0",  "model": {}}\n'
STAGES = {"grpo": "grpo", "fp8": "quantize"}
"""Which stage makes the versions that are called so; `sft` makes all others."""


@dataclass
class Store:
    """The store and the folders that stand for models."""

    client: MlflowClient
    folder: Path
    experiment: str
    thresholds: Thresholds
    ladder: Ladder = LADDER

    @property
    def registry(self) -> Registry:
        """A registry that remembers nothing, as in a process of its own."""
        return Registry(self.client, MODEL)

    def run(self) -> str:
        return str(self.client.create_run(self.experiment).info.run_id)

    def weights(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(exist_ok=True)
        (place / "model.safetensors").write_bytes(f"weights of {name}".encode())
        (place / "config.json").write_text("{}")
        return place

    def evaluated(self, report: Evaluation) -> str:
        """Log a report as the stage `evaluate` does; the run's id."""
        run = self.run()
        path = self.folder / f"{run}.json"
        report.save(path)
        self.client.log_text(run, path.read_text(), registry.REPORT)
        return run

    def registered(self, name: str, parent: str = "", folder: Path | None = None) -> str:
        """Register a folder, by default a made-up one, as a version that holds a copy of it; the version."""
        run = self.run()
        self.client.set_tag(run, tracking.STAGE, STAGES.get(name, "sft"))
        place = folder or self.weights(name)
        self.client.log_artifacts(run, str(place), "output/model")
        uri = f"runs:/{run}/output/model"
        return self.registry.register(place, uri, run_id=run, parent=parent).number

    def registered_shards(self) -> str:
        """Register a folder with two real shards, whose contents no other has; the version."""
        run, folder = self.run(), self.folder / "made"
        folder.mkdir(exist_ok=True)
        seed = int(run[:8], 16)
        for part in (1, 2):
            name = f"model-0000{part}-of-00002.safetensors"
            save_file({f"w{part}": np.random.default_rng(seed + part).random((4, 8), np.float32)}, folder / name)
        (folder / "config.json").write_text("{}")
        (folder / "tokenizer.json").write_text(SHARDS_TOKENIZER)
        (folder / "model.safetensors.index.json").write_text(
            '{"weight_map": {"w1": "model-00001-of-00002.safetensors", "w2": "model-00002-of-00002.safetensors"}}'
        )
        self.client.log_artifacts(run, str(folder), "output/model")
        self.client.set_tag(run, tracking.STAGE, "sft")
        return self.registry.register(folder, f"runs:/{run}/output/model", run_id=run, step="sft").number

    def gated_shards(self) -> str:
        """Register such a folder and bring it through the gate of `sft`; the version."""
        version, python = self.registered_shards(), [n < 400 for n in range(500)]
        scores = {self.registry.digest(version): 120, "b" * 64: 20}
        reports = [
            evaluation_of(of, rust=[n < passed for n in range(200)], python=python) for of, passed in scores.items()
        ]
        candidate, baseline = map(self.evaluated, reports)
        self.promote(version, "sft", candidate, baseline)
        return version

    def files(self, version: str) -> Path:
        return self.registry.files(version)

    def digest(self, name: str) -> str:
        return checkpoint.digest(self.weights(name))

    def promote(self, version: str, to: str, candidate: str, baseline: str, **sources: str) -> VerifiedVersion:
        given = Sources(
            promotion_run=self.run(),
            candidate_run=candidate,
            baseline_run=baseline,
            **{"holder": self.registry.holder(to), **sources},
        )
        return decide_and_promote(Request(self.registry, self.ladder, version, to, given), self.thresholds)

    def check(self, version: str, step: str, *, thresholds: Thresholds | None = None) -> VerifiedVersion:
        return check_evidence_and_alias(self.registry, version, self.ladder.step(step), thresholds=thresholds)


def with_easy_gate(profile: Profile) -> Profile:
    """The profile with a gate of `sft` that `Store.gated_shards` comes through."""
    gate = msgspec.structs.replace(profile.gates["sft"], rise=("rust.pass",), hold=(), resamples=1000)
    return msgspec.structs.replace(profile, gates={**profile.gates, "sft": gate})


def fresh_uri(folder: Path, database: bytes) -> str:
    """URI of an empty store: a copy of the SQLite file `database`, or one on the server that the variable names."""
    server = os.environ.get(postgres.VARIABLE)
    if server:
        return postgres.fresh_database(server)
    (folder / "mlflow.db").write_bytes(database)
    return f"sqlite:///{folder / 'mlflow.db'}"


def open_store(folder: Path, thresholds: Thresholds, uri: str = "") -> Store:
    mlflow.set_tracking_uri(uri or os.environ["MLFLOW_TRACKING_URI"])
    client = MlflowClient()
    experiment = client.create_experiment("rustml", artifact_location=(folder / "artifacts").as_uri())
    return Store(client, folder, experiment, thresholds)


def fresh_database(folder: Path) -> bytes:
    """The database of an empty store: its schema takes seconds to make."""
    MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return (folder / "mlflow.db").read_bytes()


@contextmanager
def tracking_store(folder: Path, database: bytes) -> Iterator[None]:
    """Let this process track in a store as `fresh_uri` makes it, and leave no trace of it in MLflow's global state."""
    uri = fresh_uri(folder, database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        if not uri.startswith("sqlite:"):  # caches and artifacts would lie in the current folder
            patch.chdir(folder)
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        tracking.client.cache_clear()
        yield
        tracking.client.cache_clear()
        mlflow.set_tracking_uri(None)
