"""What a profile asks of a machine that cannot train it, known before anything is loaded."""

import os
import shutil
from importlib.util import find_spec

from rustml.errors import EnvironmentFault, InputError
from rustml.models.compute import device
from rustml.profile.launch import LaunchSection
from rustml.profile.method import FullSection, MethodSection
from rustml.profile.optimizer import AdamW8bitSection, OptimizerSection
from rustml.profile.sft import SftSection

FP8_CAPABILITY = (8, 9)
"""The compute capability from which an NVIDIA GPU multiplies in FP8."""


def check_method(method: MethodSection, key: str) -> None:
    """Raises EnvironmentFault for FP8 on a GPU that cannot. `key` is the profile's for `method`."""
    if not isinstance(method, FullSection) or not method.fp8 or device() != "cuda":
        return
    import torch  # noqa: PLC0415  seconds to load

    if torch.cuda.get_device_capability() < FP8_CAPABILITY:
        raise EnvironmentFault(
            f"{key}.fp8: {torch.cuda.get_device_name()} does not multiply in FP8, which takes compute capability 8.9: "
            f"set {key}.fp8=false"
        )


def check_switches(section: SftSection, launch: LaunchSection) -> None:
    """Raises EnvironmentFault for a switch that this machine cannot follow, InputError for one that does not go with
    cut weights."""
    check_method(section.method, "sft.method")
    if section.offload_activations and device() == "cpu":
        raise EnvironmentFault(
            "sft.offload_activations: needs a GPU, whose memory it saves: set sft.offload_activations=false"
        )
    if section.compile and launch.strategy == "fsdp":
        raise InputError(
            "sft.compile: weights that processes share are not compiled: set launch.strategy=ddp, or false"
        )
    if section.compile and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise EnvironmentFault(
            "sft.compile: a C++ compiler (CXX, g++) is missing: install one, or set sft.compile=false"
        )


def check_machine(optimizer: OptimizerSection, dtype: str, key: str) -> None:
    """Raises InputError for a dtype that cannot train, EnvironmentFault for an optimizer that this machine cannot run.

    `key` is the profile's for `optimizer`.
    """
    if dtype == "float16":
        raise InputError(
            "compute.dtype: float16 does not train without loss scaling: set compute.dtype=bfloat16 or float32"
        )
    if not isinstance(optimizer, AdamW8bitSection):
        return
    if optimizer.paged and device() == "cpu":
        raise EnvironmentFault(
            f"{key}: paged_adamw8bit needs a GPU, and this machine has none that torch sees: set {key}.kind=adamw8bit"
        )
    if find_spec("bitsandbytes") is None:
        raise EnvironmentFault(
            f"{key}: 8-bit moments need bitsandbytes, which is not installed: pip install bitsandbytes==0.50.2, or set "
            f"{key}.kind=adamw"
        )
