"""The presets of a profile on a model that is trained for real, through the command."""

import json
from pathlib import Path

import pytest
import yaml
from mlflow.tracking import MlflowClient

from tests.lifecycle.test_lifecycle import finish, runs
from tests.support.micro_lifecycle import Start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
PRESETS = {
    "baseline": {"sft.steps": 12},
    "conservative-lr": {"sft.optimizer.learning_rate": 0.0004},
    "small-batch": {"sft.batch_size": 2},
    "aggressive-lr": {"sft.optimizer.learning_rate": 0.04},
    "high-capacity": {"sft.method": {"kind": "lora", "rank": 16}, "sft.context": 1},  # no record fits: it fails
}


def test_the_presets_of_a_profile_are_ranked(start: Start, profile: Path, tmp_path: Path) -> None:
    tree = yaml.safe_load(profile.read_text())
    tree["presets"] = {**tree["presets"], **PRESETS}
    tree["sft"] = {**tree["sft"], "steps": 10}
    profile.write_text(yaml.safe_dump(tree))
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    made: dict[str, str] = {}
    needs = {"harvest": (), "bank": (), "curate": ("harvest", "bank"), "pairs": ("curate", "bank")}
    for stage, roles in {**needs, "base": ("bank", "pairs")}.items():
        code, text = finish(start(stage, *(word for role in roles for word in (f"--{role}", made[role]))))
        assert code == 0, text
        (made[stage],) = [run.info.run_id for run in runs(client) if run.data.tags.get("rustml.stage") == stage]
    given = [word for role in ("base", "bank", "pairs") for word in (f"--{role}", made[role])]
    grid = f"preset={'|'.join(PRESETS)}"
    code, text = finish(start("sweep", *given, "--grid", grid, "--seeds", "1 2"))
    assert code == 0, text
    assert "mlflow run . -e sft -P profile=" in text
    (parent,) = [run for run in runs(client) if run.data.tags.get("rustml.stage") == "sweep"]
    folder = Path(str(parent.info.artifact_uri).removeprefix("file://"))
    trials = json.loads((folder / "sweep.json").read_text())["trials"]
    status = {row["setting"][0].removeprefix("preset="): row["status"] for row in trials}
    assert status.keys() == PRESETS.keys()
    assert status["high-capacity"] == "failed"
    assert status["baseline"] == "done"
    means = [row["mean"] for row in trials if row["status"] == "done"]
    assert means == sorted(means)
