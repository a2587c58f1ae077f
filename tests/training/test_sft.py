"""Batches of fine-tuning, and real steps of the trainer."""

import warnings
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import InputError
from rustml.training import data
from tests.support.toy_models import moved, problem, profile, words

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the libraries' own affairs, while they are imported
    from rustml.training import sft

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning", "ignore::ResourceWarning"
)
SFT = profile().sft
PROBLEMS = [problem(number) for number in range(12)]


@given(st.lists(st.integers(1, 30), min_size=4, max_size=80), st.integers(1, 4), st.integers(1, 30), st.integers(0, 3))
def test_batches_are_full_and_no_row_comes_twice_in_an_epoch(
    lengths: list[int], size: int, steps: int, seed: int
) -> None:
    rows = [([number] * length, [number] * length) for number, length in enumerate(lengths)]
    section = msgspec.structs.replace(SFT, batch_size=size, steps=steps)
    ordered = sft.in_batches(rows, section, seed)
    assert len(ordered) == steps * size
    assert ordered == sft.in_batches(rows, section, seed)
    pool = sft.POOLED * size
    whole = sum(len(lengths[start : start + pool]) // size * size for start in range(0, len(lengths), pool))
    for start in range(0, len(ordered), whole):
        seen = [ids[0] for ids, _ in ordered[start : start + whole]]
        assert len(seen) == len(set(seen))


def test_rows_in_a_batch_are_of_similar_length() -> None:
    rows = [([1] * length, [1] * length) for length in range(1, 401)]
    ordered = sft.in_batches(rows, msgspec.structs.replace(SFT, batch_size=16, steps=20), seed=1)
    spread = [max(part) - min(part) for part in _cut([len(ids) for ids, _ in ordered], 16)]
    assert sum(spread) / len(spread) < 200, "a fifth of the range a batch, where chance takes nearly all of it"


def _cut(values: list[int], size: int) -> list[list[int]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_records_are_an_error_and_no_endless_loop(count: int) -> None:
    with pytest.raises(InputError, match="do not fill a batch of 4"):
        sft.in_batches([([1], [1])] * count, SFT, 1)


def test_fine_tuning_writes_a_changed_checkpoint_and_logs(parent: Path, tmp_path: Path) -> None:
    rows = data.mix(words(), {"toy": data.solved(PROBLEMS)}, 256, 1).rows
    said: list[tuple[int, dict[str, float]]] = []
    section = msgspec.structs.replace(SFT, steps=7)
    sft.train(parent, rows, section, 1, tmp_path / "out", tmp_path / "scratch", lambda s, m: said.append((s, m)))
    assert moved(parent, tmp_path / "out")
    assert [step for step, _ in said] == [5, 7], "the last step is said, though the trainer does not log it"
    assert "loss" in said[0][1]


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
    sft.train(parent, rows, SFT, 1, tmp_path / "out", tmp_path / "scratch", lambda *_: None)
    assert seen == sft.in_batches(rows, SFT, 1)
