"""A loss on labels alone, and a model that learns."""

from pathlib import Path

import msgspec
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rustml import chat
from rustml.models import checkpoint as checkpoints
from rustml.training import pretrain
from rustml.training.batching import IGNORED
from tests.support.toy_models import TEXTS, base, model, words


def test_the_loss_is_the_models_own_on_labels_alone() -> None:
    """Against the library's loss, which computes every position; padding and prompt change nothing."""
    network = model().float()
    row = chat.encode(words(), "Add 3.", "fn add_3() {}")
    ids, labels = pretrain.collate([row], pad=0)
    wanted = network(input_ids=ids, labels=labels).loss
    ours = pretrain._loss(network, ids, labels)
    assert ours.item() == pytest.approx(wanted.item(), rel=1e-5)
    longer = ([*row[0], *[7] * 20], [*row[1], *[IGNORED] * 20])
    assert pretrain._loss(network, *pretrain.collate([longer], pad=0)).item() == pytest.approx(ours.item(), rel=1e-5)
    spoilt = labels.clone()
    spoilt[0, -2] = 5
    assert pretrain._loss(network, ids, spoilt).item() != pytest.approx(ours.item(), rel=1e-5)


def test_a_new_model_is_a_function_of_its_seed_and_its_blocks_start_by_adding_nothing() -> None:
    one, two = model(), model()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert one.dtype == torch.bfloat16
    with torch.inference_mode():
        here, there = (one(torch.tensor([[before, 42]])).logits[0, 1] for before in (7, 99))
    assert torch.equal(here, there), "nothing of the context has reached the second token"


def test_training_learns_reports_every_step_and_saves_what_loads(tmp_path: Path) -> None:
    rows = [chat.encode(words(), "", text) for text in TEXTS]
    section = msgspec.structs.replace(base(), steps=25, tokens_per_step=1024)
    network = model()
    logged: list[tuple[int, float]] = []
    pretrain.train(network, rows, section, 1, lambda step, metrics: logged.append((step, metrics["loss"])))
    assert [step for step, _ in logged] == list(range(1, 26))
    assert logged[-1][1] < 0.6 * logged[0][1]
    checkpoints.save(network, words(), tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path), dtype="auto", attn_implementation="eager")
    assert loaded.dtype == torch.bfloat16
    ids = torch.tensor([rows[0][0]])
    with torch.inference_mode():
        assert torch.equal(loaded(ids).logits, network(ids).logits), "what was trained is what is loaded"
    assert AutoTokenizer.from_pretrained(str(tmp_path)).encode("x") == words().encode("x")


def test_training_is_a_function_of_its_seed() -> None:
    rows = [chat.encode(words(), "", text) for text in TEXTS]

    def losses(seed: int) -> list[float]:
        logged: list[float] = []
        pretrain.train(model(), rows, base(), seed, lambda _, metrics: logged.append(metrics["loss"]))
        return logged

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)
