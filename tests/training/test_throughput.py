"""Tokens per second, utilisation and padding of a training."""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import torch

from rustml.models.compute import Compute
from rustml.training import data
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, problem, profile, qwen3_8b, words

with quiet_imports():
    from rustml.training import sft, throughput

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
CPU = Compute("cpu", "float32", "eager")


def test_padding_is_what_the_longest_row_of_a_pass_leaves_empty() -> None:
    rows = [([0] * length, [0] * length) for length in (4, 2, 3, 3)]
    assert throughput.padding_share(rows, 2) == pytest.approx(1 - 12 / 14)
    assert throughput.padding_share(rows, 1) == 0
    assert throughput.padding_share([], 3) == 0


def test_operations_are_those_that_are_published_for_qwen3_8b() -> None:
    """52.66 GFLOP per token at 4,096 by TRL's own count of the same model, without its embeddings."""
    shape = qwen3_8b()
    weights = sum(weight.numel() for weight in shape.parameters())
    assert throughput.flops_per_token(shape, weights, 4096) == pytest.approx(52.66e9, rel=1e-3)
    adapters = throughput.flops_per_token(shape, weights // 100, 4096)
    assert adapters == pytest.approx(52.66e9 * 2 / 3, rel=1e-3)


def test_only_the_time_of_steps_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 50.0, 53.0])
    monkeypatch.setattr(throughput, "peak_flops", lambda _: 1000.0)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(clock))
    logged: list[tuple[int, dict[str, float]]] = []
    callback = throughput.SpeedReporter(10.0, CPU, lambda *line: logged.append(line))
    for _ in range(2):
        callback.on_step_begin()
        callback.on_optimizer_step()
    state = SimpleNamespace(global_step=2)
    callback.on_log(None, state, None, {"loss": 1.0})
    assert logged.pop() == (2, {"loss": 1.0}), "it waits for the count of tokens"
    callback.on_log(None, state, None, {"num_tokens": 400.0})
    ((step, metrics),) = logged
    assert (step, metrics["tokens_per_second"], metrics["utilisation"]) == (2, 80.0, 0.8)


def test_the_peak_is_measured_without_touching_random_numbers() -> None:
    state = torch.random.get_rng_state()
    assert throughput.measured_flops(CPU, 64) > 1e6
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_training_logs_its_speed_and_says_its_padding(parent: Path, tmp_path: Path) -> None:
    rows = data.encode(words(), data.solved(problem(number) for number in range(12)), 256)[0]
    logged: dict[str, float] = {}
    section = msgspec.structs.replace(profile().sft, steps=2, log_steps=1)
    facts = sft.train(rows, section, job(parent, tmp_path, lambda _, metrics: logged.update(metrics)))
    assert logged["tokens_per_second"] > 0
    assert 0 < logged["utilisation"] < 1.5
    assert 0.01 < logged["memory_peak_gb"] < 100
    assert 0 <= facts["padding_share"] < 0.2, "rows of like length share a pass"
    assert logged["grad_norm"] > 0
