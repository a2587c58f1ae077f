"""What a stage makes lies in files of the size that the profile allows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from rustml.cache_layout import CacheLayout
from rustml.models import manifest
from rustml.models.manifest import Manifest
from rustml.profile import load
from rustml.release import versions
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Workspace
from rustml.stages import base, quantize, sft
from rustml.stages.from_version import run_from_version

LIMITED = load("gemma3-270m", ["checkpoints.max_shard_mb=1"])
WEIGHTS = {f"layer.{n}": np.full(200_000, n, dtype=np.float32) for n in range(3)}


def made(space: Workspace) -> Outcome:
    """A checkpoint of 2.4 MB in one file."""
    folder = space.out / versions.MODEL
    folder.mkdir()
    save_file(WEIGHTS, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    manifest.write(folder, Manifest(kind="full"))
    return Outcome()


def of_version(_: pytest.MonkeyPatch) -> None:
    start: Any = SimpleNamespace(version="1", decision=SimpleNamespace(candidate_weights="w"))
    run_from_version(quantize.STAGE, LIMITED, SimpleNamespace(name="fp8"), start, made, {}, parent=None, reuse=True)  # type: ignore[arg-type]


def of_base(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(base, "_fetched", lambda _section, _profile, space: made(space))
    base.run(LIMITED)


def of_sft(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sft, "_train", lambda _profile, _folder, _name, space: made(space))
    patch.setattr(sft, "resolved", lambda profile: profile)
    patch.setattr(sft, "check", lambda _profile: None)
    sft.trained(LIMITED, {"base": "run"}, None, None, "sft of base")


@pytest.mark.parametrize("run", [of_version, of_base, of_sft])
def test_a_stage_leaves_shards_of_the_size_that_the_profile_allows(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    space = Workspace(out, tmp_path, {"base": tmp_path}, tmp_path, CacheLayout(tmp_path), lambda _step, _metrics: None)
    out.mkdir()

    def run_stage(_stage: Any, _profile: Any, body: Any, **_options: Any) -> Any:
        body(space)
        return SimpleNamespace(run_id="r")

    monkeypatch.setattr(tracking, "run_stage", run_stage)
    monkeypatch.setattr(versions, "ensure", lambda *_given, **_named: "2")
    run(monkeypatch)
    sizes = [path.stat().st_size for path in (out / versions.MODEL).glob("*.safetensors")]
    assert len(sizes) == 3
    assert max(sizes) <= 1_000_000
    assert manifest.kind(out / versions.MODEL) == "sharded"
