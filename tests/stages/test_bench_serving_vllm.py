"""The load test with vLLM's own client and engine on a random tiny model, in bf16 and in FP8."""

from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
import torch

from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.models.quantise import quantize
from rustml.profile import Profile, load
from rustml.runs import tracking
from rustml.serving.load_test.report import DOCUMENT, LoadTest
from rustml.stages import bench_serving
from rustml.testing import FakeJudge
from rustml.training import pretrain
from tests.support.bench_store import PROBLEMS, bank_run, filled, open_gates
from tests.support.toy_models import base, words

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TOKENS = 12


@pytest.fixture
def profile() -> Profile:
    tiny = load("tiny")
    load_test = {"concurrency": (1, 4), "requests": 6, "max_new_tokens": TOKENS, "seconds": 400.0}
    return open_gates(
        msgspec.structs.replace(
            tiny,
            bench_serving=msgspec.structs.replace(tiny.bench_serving, **load_test),
            serve=msgspec.structs.replace(tiny.serve, context=256, startup_seconds=3000.0),
        )
    )


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    """A model in bf16 and in FP8. vLLM's attention on a CPU takes heads of 32 and more."""
    shape = msgspec.structs.replace(base().architecture, head_dim=32, heads=1)
    network = pretrain.new_model(shape, words(), seed=1, compute=Compute("cpu", "bfloat16", "eager"))
    for weight in network.parameters():
        if not weight.any():  # rows of zeros have no scale in FP8
            torch.nn.init.normal_(weight, std=0.2)
    checkpoint.save(network, words(), tmp_path / "full")
    quantize(tmp_path / "full", load("tiny").quantize, tmp_path / "crushed")
    return tmp_path / "full", tmp_path / "crushed"


def test_real_clients_on_real_engines_of_bf16_and_fp8(
    profile: Profile,
    models: tuple[Path, Path],
    empty_database: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every request ends, and the numbers of a level agree with each other."""
    pytest.importorskip("vllm")
    with filled(tmp_path, empty_database, profile, *models):
        bank_run(profile, monkeypatch)
        monkeypatch.setattr(bench_serving, "open_judge", lambda *_, **__: nullcontext(FakeJudge("wrong")))
        done = bench_serving.run(profile, names=["1", "fp8"])
        document = (tracking.output(done.run_id) / DOCUMENT).read_bytes()
    test = msgspec.json.decode(document, type=LoadTest)
    assert [(level.version, level.concurrency) for level in test.levels] == [("1", 1), ("1", 4), ("2", 1), ("2", 4)]
    for level in test.levels:
        assert (level.requests, level.completed, level.failures) == (6, 6, ())
        assert (level.judged, level.passed) == (6, 0)
        assert level.ttft is not None
        assert level.tpot is not None
        assert level.end_to_end is not None
        assert 0 < level.ttft.p50 <= level.ttft.p99 <= level.end_to_end.p99
        assert level.end_to_end.p50 <= level.ttft.p99 + TOKENS * level.tpot.p99
        assert level.tokens_per_second * level.seconds <= 6 * TOKENS + 1e-6
    assert len(PROBLEMS) < 6, "prompts are repeated"
