"""Adapters walk the whole way: trained, measured, promoted, merged where whole weights are needed, and served."""

from pathlib import Path

import pytest
import yaml
from mlflow.tracking import MlflowClient

from rustml.models import checkpoint
from tests.lifecycle.test_lifecycle import aliases, finish, runs
from tests.support.micro_lifecycle import MODEL, Start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
FAST = {"kind": "adamw", "learning_rate": 0.01}


def change(profile: Path, **sections: dict[str, object]) -> None:
    tree = yaml.safe_load(profile.read_text())
    tree.update({name: {**tree.get(name, {}), **changes} for name, changes in sections.items()})
    profile.write_text(yaml.safe_dump(tree))


def folder_of(client: MlflowClient, version: str) -> Path:
    """The files of a version, in a store of this machine."""
    run = client.get_run(str(client.get_model_version(MODEL, version).run_id))
    return Path(str(run.info.artifact_uri).removeprefix("file://")) / "output" / "model"


def metrics_of(client: MlflowClient, name: str) -> dict[str, float]:
    (run,) = [run for run in runs(client) if run.data.tags["rustml.stage"] == name]
    return dict(run.data.metrics)


def test_lora_is_trained_on_by_reinforcement_merged_quantised_and_served(
    start: Start, profile: Path, tmp_path: Path
) -> None:
    lora = {"method": {"kind": "lora", "rank": 4}, "optimizer": FAST}
    change(profile, sft={**lora, "steps": 30}, grpo=lora)
    code, text = finish(start("lifecycle"))
    assert code == 0, text
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert aliases(client) == {"sft": "1", "grpo": "2", "fp8": "3", "champion": "3"}
    first, second, third = (checkpoint.read(folder_of(client, version)) for version in "123")
    assert [first.kind, second.kind, third.kind] == ["adapter", "adapter", "quantised"]
    (base,) = [run.info.run_id for run in runs(client) if run.data.tags["rustml.stage"] == "base"]
    assert first.base is not None
    assert first.base.name == base
    assert second.base is not None
    assert second.base.name == f"models:/{MODEL}/1"
    assert second.base.digest == checkpoint.digest(folder_of(client, "1"))
    assert 0 < metrics_of(client, "quantize")["quantize.merge.difference"] < 1
    assert metrics_of(client, "serve")["serve.asked"] == 1


def test_qlora_is_served_as_the_adapter_that_was_measured(start: Start, profile: Path, tmp_path: Path) -> None:
    method = {"kind": "qlora", "rank": 4}
    change(profile, sft={"method": method, "optimizer": FAST, "steps": 30})
    profile.write_text(yaml.safe_dump({**yaml.safe_load(profile.read_text()), "ladder": ["sft", "champion"]}))
    code, text = finish(start("lifecycle"))
    assert code == 0, text
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert aliases(client) == {"sft": "1", "champion": "1"}
    assert checkpoint.kind(folder_of(client, "1")) == "adapter"
    assert metrics_of(client, "serve")["serve.asked"] == 1, "the server knows the model's name only by its adapter"
    assert "serve.merge.difference" not in metrics_of(client, "serve")

    change(profile, serve={"smoke_passes": 0}, grpo={"method": method, "optimizer": FAST})
    profile.write_text(yaml.safe_dump({**yaml.safe_load(profile.read_text()), "ladder": ["sft", "grpo", "champion"]}))
    code, text = finish(start("lifecycle"))
    assert code == 0, text
    assert "merged into its base before it is served: its base is an adapter itself" in text
    assert aliases(client)["champion"] == "2"
