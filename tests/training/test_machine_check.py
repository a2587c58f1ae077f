"""What this machine cannot train is refused with the key to change, before a model, a version or data is read."""

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch

from rustml.errors import EnvironmentFault, InputError, RustmlError
from rustml.profile import Profile, load
from rustml.profile.method import FullSection
from rustml.profile.optimizer import OptimizerSection
from rustml.stages import base, expert_iteration, grpo, lifecycle, sft
from rustml.training import machine_check
from rustml.training.machine_check import check_machine
from tests.support.sections import OPTIMIZERS

EIGHT_BIT = {kind: OPTIMIZERS[kind] for kind in ("adamw8bit", "paged_adamw8bit")}
PAGED = "{kind: paged_adamw8bit, learning_rate: 0.001}"


@pytest.fixture(autouse=True)
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_check, "device", lambda: "cpu")


def test_paged_moments_need_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        EnvironmentFault, match=r"^sft\.optimizer: paged_adamw8bit needs a GPU.*sft\.optimizer\.kind=adamw8bit$"
    ):
        check_machine(OPTIMIZERS["paged_adamw8bit"], "bfloat16", "sft.optimizer")
    monkeypatch.setattr(machine_check, "device", lambda: "cuda")
    check_machine(OPTIMIZERS["paged_adamw8bit"], "bfloat16", "sft.optimizer")


@pytest.mark.parametrize("section", EIGHT_BIT.values(), ids=EIGHT_BIT)
def test_eight_bit_moments_need_bitsandbytes(section: OptimizerSection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_check, "device", lambda: "cuda")
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(
        EnvironmentFault, match=r"^grpo\.optimizer: .*pip install bitsandbytes.*grpo\.optimizer\.kind=adamw$"
    ):
        check_machine(section, "bfloat16", "grpo.optimizer")


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS.keys() - {"paged_adamw8bit"}))
@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "float32"])
def test_every_other_optimizer_trains_on_a_cpu(kind: str, dtype: str) -> None:
    check_machine(OPTIMIZERS[kind], dtype, "sft.optimizer")


@pytest.mark.parametrize("section", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_float16_does_not_train(section: OptimizerSection) -> None:
    with pytest.raises(InputError, match=r"^compute\.dtype: float16 .*set compute\.dtype=bfloat16 or float32$"):
        check_machine(section, "float16", "sft.optimizer")


@pytest.mark.parametrize(
    ("change", "launch", "error", "message"),
    [
        ("sft.offload_activations=true", "ddp", EnvironmentFault, r"sft\.offload_activations: needs a GPU"),
        ("sft.compile=true", "fsdp", InputError, r"sft\.compile: .*launch\.strategy=ddp"),
        ("sft.compile=true", "ddp", EnvironmentFault, r"sft\.compile: a C\+\+ compiler .* is missing"),
    ],
)
def test_a_switch_that_cannot_be_followed_is_refused(
    change: str, launch: str, error: type[RustmlError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    profile = load("tiny", [change, f"launch.strategy={launch}"])
    with pytest.raises(error, match=message):
        machine_check.check_switches(profile.sft, profile.launch)
    plain = load("tiny", [f"launch.strategy={launch}"])
    machine_check.check_switches(plain.sft, plain.launch)


def test_fp8_needs_a_gpu_that_multiplies_in_it_and_a_cpu_emulates_it(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_check.check_method(FullSection(fp8=True), "sft.method")
    monkeypatch.setattr(machine_check, "device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    with pytest.raises(EnvironmentFault, match=r"grpo\.method\.fp8: A100.*grpo\.method\.fp8=false"):
        machine_check.check_method(FullSection(fp8=True), "grpo.method")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    machine_check.check_method(FullSection(fp8=True), "grpo.method")


STARTS: dict[str, Callable[[Profile], Any]] = {
    "base": lambda profile: base.run(profile, bank="no run", pairs="no run"),
    "sft": lambda profile: sft.run(profile, bank="no run", pairs="no run", base="no run"),
    "grpo": lambda profile: grpo.run(profile, version="1", bank="no run"),
    "expert_iteration": lambda profile: expert_iteration.run(profile, version="1", bank="no run"),
}


@pytest.mark.parametrize("stage", STARTS)
@pytest.mark.parametrize(
    ("override", "kind", "message"),
    [
        ("compute.dtype=float16", InputError, r"^compute\.dtype: float16"),
        ("{section}.optimizer=" + PAGED, EnvironmentFault, r"^{section}\.optimizer: paged_adamw8bit"),
    ],
)
def test_a_stage_refuses_before_it_looks_for_a_run_or_a_version(
    stage: str, override: str, kind: type[RustmlError], message: str
) -> None:
    section = "sft" if stage == "expert_iteration" else stage
    overrides = ["compute.dtype=float32", "compute.attention=eager", override.replace("{section}", section)]
    if stage == "expert_iteration":
        overrides.append("preset=expert-iteration")
    profile = load("tiny", overrides)
    unchanged = msgspec.structs.replace(profile.expert_iteration, changes={})  # the changes are of Muon's keys
    with pytest.raises(kind, match=message.replace("{section}", section)):
        STARTS[stage](msgspec.structs.replace(profile, expert_iteration=unchanged))


@pytest.mark.parametrize("section", ["base", "sft", "grpo"])
def test_a_lifecycle_refuses_what_a_later_step_cannot_train(section: str) -> None:
    lifecycle.check_trainings(load("tiny"))
    with pytest.raises(EnvironmentFault, match=rf"^{section}\.optimizer: "):
        lifecycle.check_trainings(load("tiny", [f"{section}.optimizer={PAGED}"]))
