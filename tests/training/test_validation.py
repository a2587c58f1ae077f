"""Held-out records: the loss is the one of training, and measuring changes nothing."""

import math
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import torch
from torch.nn import functional

from rustml.errors import ProfileError
from rustml.models import checkpoint as checkpoints
from rustml.profile import load
from rustml.profile.optimizer import AdamWSection, ConstantSection
from rustml.profile.sources import BankSource, PairsSource, ValidationSection
from rustml.records import Pair, write_jsonl
from rustml.training import data
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import job, model, problem, profile, weights, words

with quiet_imports():
    from rustml.training import sft, validation
    from rustml.training.best_folder import BestFolder

pytestmark = LIBRARY_WARNINGS
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


def chosen_by(losses: list[float], patience: int, scratch: Path, start: int = 0) -> tuple[str, int]:
    """The step whose checkpoint is kept by measurements at every second step from `start`, and the last step."""
    records, given = SimpleNamespace(measure=lambda *_: {"validation.loss": next(given)}), iter(losses)
    best = BestFolder(scratch, lambda step, folder: (folder.mkdir(), (folder / "step").write_text(str(step.number))))
    section = ValidationSection(every=2, records=1, keep_best=True, patience=patience)
    validator = validation.Validator(records, PAD, section, lambda *_: None, best)  # type: ignore[arg-type]
    step = SimpleNamespace(number=start, training=True, eval=lambda: None, train=lambda _: None)
    state, control = SimpleNamespace(global_step=start, max_steps=9), SimpleNamespace(should_training_stop=False)
    validator.on_train_begin(None, state, control, model=step)
    while state.global_step < state.max_steps and not control.should_training_stop:
        state.global_step = step.number = state.global_step + 1
        validator.on_step_end(None, state, control, model=step)
    validator.on_train_end(None, state, control, model=step)
    return (validator.chosen() / "step").read_text(), state.global_step


def test_the_checkpoint_of_the_lowest_loss_is_kept_and_never_the_start(tmp_path: Path) -> None:
    assert chosen_by([0.0, 5.0, 3.0, 4.0, 3.0, 9.0], 0, tmp_path) == ("4", 9)


def test_training_ends_after_so_many_measurements_without_a_lower_loss(tmp_path: Path) -> None:
    assert chosen_by([9.0, 5.0, 6.0, 7.0], 2, tmp_path) == ("2", 6), "and the last step is not measured twice"


def test_patience_goes_on_counting_after_a_resume(tmp_path: Path) -> None:
    chosen_by([9.0, 5.0, 6.0, 7.0, 8.0, 8.5], 0, tmp_path)
    assert chosen_by([6.0, 7.0], 2, tmp_path, start=4) == ("2", 6)


def test_fine_tuning_writes_the_checkpoint_of_the_lowest_loss(parent: Path, tmp_path: Path) -> None:
    kept = ValidationSection(every=1, records=9, keep_best=True, patience=1)
    optimizer = AdamWSection(learning_rate=1.0)  # so large that the first step is the best one
    section = msgspec.structs.replace(profile().sft, optimizer=optimizer, schedule=ConstantSection(), steps=9)
    section = msgspec.structs.replace(section, validation=kept)
    held = validation.HeldOut({"toy": ROWS[:4]}, [])
    losses: dict[int, float] = {}
    log = lambda step, metrics: losses.update({step: metrics.get("validation.loss", losses.get(step))})  # noqa: E731
    facts = sft.train(ROWS, section, job(parent, tmp_path, log), held)
    measured = {step: loss for step, loss in losses.items() if step and loss is not None}
    assert facts["validation.best_loss"] == min(measured.values()) == measured[int(facts["validation.best_step"])]
    assert max(measured) == facts["validation.best_step"] + 1 < 9, "one measurement without a lower loss"
    written = checkpoints.load_model(tmp_path / "out", dtype="bfloat16", attention="eager", device="cpu").eval()
    assert held.measure(written, PAD)["validation.loss"] == pytest.approx(facts["validation.best_loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("sft.validation={every: 0, records: 5, keep_best: true}", "keep_best needs"),
        ("sft.validation={every: 5, records: 0, keep_best: true}", "keep_best needs"),
        ("sft.validation.patience=2", "patience needs keep_best"),
    ],
)
def test_a_choice_by_a_loss_that_is_not_measured_is_refused(change: str, reason: str) -> None:
    with pytest.raises(ProfileError, match=reason):
        load("tiny", (change,))
