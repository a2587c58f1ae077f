"""Packed records: each token once per epoch, no record sees another, and the loss of padded rows."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rustml.errors import InputError
from rustml.training import data
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, moved, problem, profile, words

with quiet_imports():
    from rustml.training import packing, sft

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries whose versions are pinned, about each other
ROWS = data.encode(words(), data.solved(problem(number) for number in range(24)), 256)[0]
SECTION = msgspec.structs.replace(profile().sft, context=256, batch_size=2, micro_batch=1, packing=True, steps=2)


def records(dataset: Any) -> list[tuple[int, ...]]:
    """The records of packed sequences."""
    cut: list[tuple[int, ...]] = []
    for row in dataset:
        ids = iter(row["input_ids"])
        cut += [tuple(itertools.islice(ids, length)) for length in row["seq_lengths"]]
        assert next(ids, None) is None
        assert len(row["labels"]) == len(row["input_ids"])
    return cut


@settings(max_examples=20)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(0, 99))
def test_an_epoch_holds_each_record_once_and_whole(lengths: list[int], seed: int) -> None:
    rows = [([number] * length, [-100] + [number] * (length - 1)) for number, length in enumerate(lengths)]
    batches = packing.packed_batches_per_epoch(rows, 40, 1, seed)
    epoch = packing.packed_dataset(rows, 40, 1, batches, seed)
    assert sorted(records(epoch)) == sorted(tuple(ids) for ids, _ in rows)
    assert max(map(len, epoch["input_ids"])) <= 40
    assert packing.real_share(epoch, 40) == pytest.approx(sum(lengths) / (40 * len(epoch)))


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    batches = packing.packed_batches_per_epoch(ROWS, 256, 2, 1)
    two = packing.packed_dataset(ROWS, 256, 2, 2 * batches, 1)
    first, second = records(two.select(range(2 * batches))), records(two.select(range(2 * batches, 4 * batches)))
    assert first != second
    assert two["input_ids"] == packing.packed_dataset(ROWS, 256, 2, 2 * batches, 1)["input_ids"]


def test_records_that_fill_no_batch_are_refused() -> None:
    with pytest.raises(InputError, match="and no batch of 99; lower batch_size or context"):
        packing.packed_dataset(ROWS, 256, 99, 1, 1)


def test_the_loss_of_packed_records_is_that_of_padded_ones(tiny_model: Path, tmp_path: Path) -> None:
    """To 1e-5 in fp32, without FlashAttention, and of a model whose attention adds something, unlike a fresh toy's."""
    losses: dict[bool, float] = {}
    one = packing.packed_dataset(ROWS, 256, 1, packing.packed_batches_per_epoch(ROWS, 256, 1, 1), 1)
    for packed in (True, False):
        section = msgspec.structs.replace(
            SECTION,
            packing=packed,
            steps=1,
            batch_size=len(one) if packed else len(ROWS),
            micro_batch=1 if packed else 4,
            log_steps=1,
        )

        def log(_: int, metrics: dict[str, float], packed: bool = packed) -> None:
            losses[packed] = metrics["loss"]

        sft.train(ROWS, section, job(tiny_model, tmp_path / str(packed), log, dtype="float32"))
    assert losses[True] == pytest.approx(losses[False], abs=1e-5)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_no_record_sees_another(tiny_model: Path, attention: str) -> None:
    from rustml.models import checkpoint

    model = checkpoint.load_model(tiny_model, dtype="float32", attention=attention, device="cpu").eval()
    first, second, other = (torch.tensor([ROWS[number][0]]) for number in range(3))
    positions = torch.cat([torch.arange(first.shape[1]), torch.arange(second.shape[1])])[None]
    with torch.inference_mode():
        packed = model(input_ids=torch.cat([first, second], 1), position_ids=positions, use_cache=False).logits
        alone = model(input_ids=second, use_cache=False).logits
        wrong = model(input_ids=torch.cat([other, second], 1), use_cache=False).logits
    assert torch.allclose(packed[:, first.shape[1] :], alone, atol=1e-5)
    assert not torch.allclose(wrong[:, other.shape[1] :], alone, atol=1e-2), "the check can fail"


def test_packed_training_writes_a_checkpoint_and_says_how_full_it_was(parent: Path, tmp_path: Path) -> None:
    facts = sft.train(ROWS, SECTION, job(parent, tmp_path))
    assert moved(parent, tmp_path / "out")
    assert 0.5 < facts["packed_share"] <= 1


def test_epochs_are_counted_in_packed_batches() -> None:
    section = msgspec.structs.replace(SECTION, steps=None, epochs=2.0)
    per_epoch = packing.packed_batches_per_epoch(ROWS, 256, 2, 1)
    assert sft.length(ROWS, section, 1) == 2 * per_epoch < len(ROWS) / 2
