"""The choice of dtype and attention: named, measured once, and the same in a busy minute."""

import time
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault
from rustml.models import compute
from rustml.models.compute import Compute
from rustml.profile.compute import ComputeSection

AUTO = ComputeSection(dtype="auto", attention="auto")


def test_a_real_measurement_names_what_torch_and_transformers_know(tmp_path: Path) -> None:
    chosen = compute.choose(AUTO, tmp_path)
    assert chosen.dtype in ("float32", "bfloat16", "float16")
    assert chosen.attention in ("eager", "sdpa")
    assert compute.choose(AUTO, tmp_path) == chosen


def test_a_machine_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "measure", lambda: Compute("cpu", "bfloat16", "eager"))
    assert compute.choose(AUTO, tmp_path).dtype == "bfloat16"
    monkeypatch.setattr(compute, "measure", lambda: Compute("cpu", "float32", "sdpa"))
    assert compute.choose(AUTO, tmp_path).dtype == "bfloat16", "a second measurement would change every stage's key"


@pytest.mark.parametrize("name", compute.VARIABLES)
def test_a_variable_that_hides_features_makes_another_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = compute.machine()
    monkeypatch.setenv(name, "AVX2")
    assert compute.machine() != before


def test_what_the_profile_names_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "measure", lambda: pytest.fail("measured"))
    chosen = compute.choose(ComputeSection(dtype="float32", attention="sdpa"), tmp_path)
    assert (chosen.dtype, chosen.attention) == ("float32", "sdpa")


def test_a_long_context_takes_fused_attention(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "measure", lambda: Compute("cpu", "bfloat16", "eager"))
    assert compute.choose(AUTO, tmp_path, context=4096).attention == "sdpa"
    named = ComputeSection(dtype="auto", attention="eager")
    assert compute.choose(named, tmp_path, context=4096).attention == "eager", "the profile's word stands"


def test_flash_attention_is_taken_where_it_is_and_refused_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = ComputeSection(dtype="bfloat16", attention="auto")
    monkeypatch.setattr(compute, "measured", lambda _: compute.Compute("cuda", "bfloat16", "sdpa"))
    monkeypatch.setattr(compute, "has_flash_attention", lambda: True)
    assert compute.choose(halves, tmp_path, context=4096).attention == "flash_attention_2"
    assert compute.choose(halves, tmp_path, context=512).attention == "sdpa"
    singles = ComputeSection(dtype="float32", attention="auto")
    assert compute.choose(singles, tmp_path, context=4096).attention == "sdpa", "it takes no fp32"
    monkeypatch.setattr(compute, "has_flash_attention", lambda: False)
    assert compute.choose(halves, tmp_path, context=4096).attention == "sdpa"
    with pytest.raises(EnvironmentFault, match=r"compute\.attention: flash_attention_2.*compute\.attention=sdpa"):
        compute.choose(ComputeSection(dtype="bfloat16", attention="flash_attention_2"), tmp_path)


def test_the_quicker_alternative_is_told_by_processor_time() -> None:
    def wait() -> None:
        time.sleep(0.01)

    def work() -> int:
        return sum(range(200_000))

    waiting, working = compute.fastest([wait, work], rounds=2)
    assert waiting < working, "waiting costs no processor time"


def test_a_system_that_does_not_tell_its_processor_is_no_error(tmp_path: Path) -> None:
    assert len(compute._processor(tmp_path / "absent")) == 1
