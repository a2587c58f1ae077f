"""Checkpoints as others load them: with plain transformers, the same logits; whole or not at all."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rustml.errors import EnvironmentFault, InputError
from rustml.io import whole_folder
from rustml.models import checkpoint as checkpoints
from rustml.models import export, inspection, tensor_files
from tests.support.toy_models import TEXTS, checkpoint, save_adapter, words

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft, about torch
IDS = torch.tensor([words().encode(TEXTS[0])])


def logits(folder: Path) -> Any:
    """By plain transformers, as a stranger loads it."""
    with torch.inference_mode():
        return AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.bfloat16)(IDS).logits


def exported(source: Path, tmp_path: Path, **options: int) -> dict[str, float]:
    (tmp_path / "scratch").mkdir()
    with whole_folder(tmp_path / "out") as partial:
        return export.write_checkpoint(source, partial, tmp_path / "scratch", **options)


def sharded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rustml.models.saving.MAX_SHARD_SIZE", "20KB")
    assert checkpoints.kind(checkpoint(folder)) == "sharded"
    return folder


def test_a_sharded_checkpoint_becomes_one_file_with_the_same_logits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sharded(tmp_path / "source", monkeypatch)
    sizes = exported(source, tmp_path)
    assert sizes["shards"] == 1
    assert sizes["bytes"] == (tmp_path / "out" / "model.safetensors").stat().st_size
    assert checkpoints.kind(tmp_path / "out") == "full"
    assert torch.equal(logits(tmp_path / "out"), logits(source))
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (source / name).read_bytes()
    assert AutoTokenizer.from_pretrained(str(tmp_path / "out")).encode(TEXTS[0]) == IDS[0].tolist()


def test_files_stay_below_the_limit(tmp_path: Path) -> None:
    source = checkpoint(tmp_path / "source")
    sizes = exported(source, tmp_path, shard_bytes=30_000)
    assert sizes["shards"] > 1
    assert checkpoints.kind(tmp_path / "out") == "sharded"
    assert torch.equal(logits(tmp_path / "out"), logits(source))


def test_an_adapter_is_merged_and_keeps_its_own_tokenizer_files(tmp_path: Path) -> None:
    base = checkpoint(tmp_path / "base")
    save_adapter(base, tmp_path / "adapter")
    path = tmp_path / "adapter" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=7))  # which saving anew would not repeat
    sizes = exported(tmp_path / "adapter", tmp_path)
    assert sizes["merge.difference"] > 0
    assert checkpoints.kind(tmp_path / "out") == "full"
    assert (tmp_path / "out" / "tokenizer_config.json").read_bytes() == path.read_bytes()
    merged = checkpoints.load_model(tmp_path / "adapter", dtype="bfloat16", attention="eager", device="cpu")
    with torch.inference_mode():
        wanted = merged(IDS).logits
    assert (logits(tmp_path / "out") - wanted).abs().max() < 0.2
    assert not torch.equal(logits(tmp_path / "out"), logits(base))


def test_a_wrong_base_is_refused(tmp_path: Path) -> None:
    base = checkpoint(tmp_path / "base")
    save_adapter(base, tmp_path / "adapter")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    with pytest.raises(InputError, match="has another digest"):
        exported(tmp_path / "adapter", tmp_path)


def test_a_full_disk_leaves_what_was_there_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkpoint(tmp_path / "source")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "earlier").write_text("release")
    copies = iter([tensor_files._copy, tensor_files._copy])

    def copy(tensor: tensor_files.StoredTensor, out: Any) -> None:
        try:
            next(copies)(tensor, out)
        except StopIteration:
            raise OSError(errno.ENOSPC, "No space left on device") from None

    monkeypatch.setattr(tensor_files, "_copy", copy)
    with pytest.raises(OSError, match="No space left"):
        exported(source, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scratch", "source"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["earlier"]


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    source = checkpoint(tmp_path / "source")
    weights = (source / "model.safetensors").stat().st_size
    assert export.bytes_needed(source) == weights + export.SPARE_BYTES
    save_adapter(source, tmp_path / "adapter")
    assert export.bytes_needed(tmp_path / "adapter") == 2 * weights + export.SPARE_BYTES, "the merged copy as well"
    export.check_space(tmp_path, 1)
    with pytest.raises(EnvironmentFault, match="MiB are needed"):
        export.check_space(tmp_path, 1 << 60)


def test_an_inspection_shows_files_kind_adapter_and_trainer(tmp_path: Path) -> None:
    base = checkpoint(tmp_path / "base")
    save_adapter(base, tmp_path / "adapter", name="models:/rust-coder/1")
    (tmp_path / "adapter" / "trainer_state.json").write_text('{"global_step": 40, "epoch": 0.5, "log_history": [1]}')
    (tmp_path / "adapter" / "optimizer.pt").write_bytes(b"cos\nsystem\n(S'exit'\ntR.")
    shown = inspection.inspect(tmp_path / "adapter")
    assert (shown.kind, shown.base, shown.base_digest) == ("adapter", "models:/rust-coder/1", checkpoints.digest(base))
    assert shown.adapter["r"] == 2
    assert shown.trainer == {"global_step": 40, "epoch": 0.5}
    assert shown.pickles == ("optimizer.pt",)
    assert shown.files["optimizer.pt"] == 23
    assert "im_start" in shown.template
    assert shown.digest == checkpoints.digest(tmp_path / "adapter")
    assert any("never loaded  optimizer.pt" in line for line in inspection.lines(shown))
    whole = inspection.inspect(base)
    network = AutoModelForCausalLM.from_pretrained(str(base))
    assert whole.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert whole.architecture == "Qwen3ForCausalLM"
