"""Real steps of supervised fine-tuning."""

from pathlib import Path

import msgspec
import pytest
import torch

from rustml.training import data
from rustml.training.batching import ordered_rows
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import job, moved, problem, profile, words

with quiet_imports():
    from rustml.training import sft

pytestmark = LIBRARY_WARNINGS
SFT = profile().sft
PROBLEMS = [problem(number) for number in range(12)]


def test_fine_tuning_writes_a_changed_checkpoint_and_logs(parent: Path, tmp_path: Path) -> None:
    rows = data.mix(words(), {"toy": data.solved(PROBLEMS)}, 256, 1).rows
    logged: list[tuple[int, dict[str, float]]] = []
    section = msgspec.structs.replace(SFT, steps=7)
    sft.train(rows, section, job(parent, tmp_path, lambda s, m: logged.append((s, m))))
    assert moved(parent, tmp_path / "out")
    assert [step for step, _ in logged] == [5, 7], "the last step is reported, though the trainer does not log it"
    assert "loss" in logged[0][1]


def test_the_trainer_sees_the_rows_as_they_are(parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte: neither packed, cut, masked anew nor put in another order."""
    rows = data.mix(words(), {"toy": data.solved(PROBLEMS)}, 256, 1).rows
    seen: list[tuple[list[int], list[int]]] = []

    def loss(_: object, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *__: object, **___: object) -> object:
        for ids, labels in zip(inputs["input_ids"].tolist(), inputs["labels"].tolist(), strict=True):
            end = max(place for place, label in enumerate(labels) if label != -100) + 1
            seen.append((ids[:end], labels[:end]))
        return next(model.parameters()).sum() * 0.0

    monkeypatch.setattr(sft.SFTTrainer, "compute_loss", loss)
    sft.train(rows, SFT, job(parent, tmp_path))
    assert seen == ordered_rows(rows, SFT.batch_size, SFT.steps, 1)
