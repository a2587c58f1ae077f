"""Held-out records: the loss is the one of training, and measuring changes nothing."""

import math
import warnings
from pathlib import Path

import msgspec
import pytest
import torch
from torch.nn import functional

from rustml.profile.sources import BankSource, PairsSource, ValidationSection
from rustml.records import Pair, write_jsonl
from rustml.training import data
from tests.support.toy_models import job, model, problem, profile, weights, words

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the libraries' own affairs, while they are imported
    from rustml.training import sft, validation

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning", "ignore::ResourceWarning"
)
ROWS = data.encode(words(), data.solved(problem(number) for number in range(12)), 256)[0]
PAD = words().pad_token_id


def test_loss_and_accuracy_are_those_of_each_row_alone() -> None:
    toy = model().eval()
    nats, correct, tokens = 0.0, 0, 0
    for ids, labels in ROWS:
        with torch.no_grad():
            logits = toy(torch.tensor([ids])).logits[0, :-1].float()
        wanted = torch.tensor(labels[1:])
        nats += float(functional.cross_entropy(logits, wanted, ignore_index=-100, reduction="sum"))
        correct += int((logits.argmax(-1) == wanted).sum())
        tokens += int((wanted != -100).sum())
    tally = validation.tally(toy, ROWS, PAD)
    assert (tally.tokens, tally.correct) == (tokens, correct)
    assert tally.nats == pytest.approx(nats, rel=1e-2), "bf16, padded to other widths"


def test_a_large_vocabulary_takes_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums stay the same; a row that is longer than a batch is one by itself."""
    toy = model().eval()
    whole = validation.tally(toy, ROWS, PAD)
    widths: list[int] = []
    toy.register_forward_pre_hook(lambda _, __, given: widths.append(given["input_ids"].numel()), with_kwargs=True)
    monkeypatch.setattr(validation, "BATCH_LOGITS", 320 * 100)
    small = validation.tally(toy, ROWS, PAD)
    assert max(widths) <= max(100, *(len(ids) for ids, _ in ROWS))
    assert (small.tokens, small.correct) == (whole.tokens, whole.correct)


def test_metrics_are_of_both_sets_and_of_each_source_weighted_by_tokens() -> None:
    held = validation.HeldOut({"a": ROWS[:2], "b": ROWS[2:7], "none": []}, [])
    metrics = held.measure(model().eval(), PAD)
    assert metrics.keys() == {
        f"{name}.{metric}"
        for name in ("validation", "validation.a", "validation.b")
        for metric in ("loss", "token_accuracy")
    }
    low, high = sorted((metrics["validation.a.loss"], metrics["validation.b.loss"]))
    assert low <= metrics["validation.loss"] <= high
    assert metrics["validation.loss"] == pytest.approx(math.log(320), rel=0.2), "an untrained model knows nothing"


def test_records_are_drawn_in_the_proportion_of_training(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rust-dev.jsonl", (problem(number) for number in range(50)))
    write_jsonl(tmp_path / "python-dev.jsonl", (problem(number) for number in range(50)))
    write_jsonl(tmp_path / "general_holdout.jsonl", list[Pair]())
    chosen = {"rust": BankSource(file="rust-train"), "python": BankSource(file="python-train", share=0.25)}
    section = msgspec.structs.replace(
        profile().sft, sources=chosen, validation=ValidationSection(every=0, records=20), context=256
    )
    held = validation.held_out(words(), section, {"rust": 300, "python": 100}, tmp_path, tmp_path, 1)
    assert {name: len(rows) for name, rows in held.sources.items()} == {"rust": 15, "python": 5}
    assert held.general == []


def test_curves_begin_before_training_and_end_after_it_and_change_nothing(parent: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(profile().sft, steps=5, validation=ValidationSection(every=2, records=9))
    held = validation.HeldOut({"toy": ROWS[:4]}, ROWS[4:6])
    curve: list[tuple[int, dict[str, float]]] = []

    def log(step: int, metrics: dict[str, float]) -> None:
        if "validation.loss" in metrics:
            curve.append((step, metrics))

    sft.train(ROWS, section, job(parent, tmp_path / "measured", log), held)
    sft.train(ROWS, section, job(parent, tmp_path / "not"))
    assert [step for step, _ in curve] == [0, 2, 4, 5]
    assert curve[-1][1]["validation.loss"] < curve[0][1]["validation.loss"]
    assert "general.token_accuracy" in curve[-1][1]
    one, other = weights(tmp_path / "measured" / "out"), weights(tmp_path / "not" / "out")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_pairs_without_anchors_have_no_general_set(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "validation.jsonl", list[Pair]())
    write_jsonl(tmp_path / "general_holdout.jsonl", list[Pair]())
    section = msgspec.structs.replace(profile().sft, sources={"crates": PairsSource(file="train")})
    held = validation.held_out(words(), section, {"crates": 3}, tmp_path, tmp_path, 1)
    assert held.measure(model().eval(), PAD) == {}
