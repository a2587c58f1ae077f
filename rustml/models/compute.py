"""How this machine computes best: device, dtype and attention, measured once in a second or named by the profile.

bf16 is twice as fast as fp32 on a CPU with AMX or a fast AVX512_BF16, and slower than fp32 on one that has it in name
only; plain attention beats the fused kernel on short sequences of small models, and loses to it elsewhere. What was
measured is kept beside the other caches under a name made of all that it depends on, so that a busy minute cannot
change the choice of a machine, and with it the key of every stage that computes.
"""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from rustml.errors import EnvironmentFault
from rustml.io import write_bytes
from rustml.profile.compute import ComputeSection

if TYPE_CHECKING:
    import torch

VARIABLES = ("ATEN_CPU_CAPABILITY", "CUDA_VISIBLE_DEVICES", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA")
"""Environment variables by which one machine behaves as another."""
MARGIN = 0.8
"""bf16 has to take less than this share of fp32's time: below it, the better precision is the better choice."""
ROUNDS = 7
FLASH = "flash_attention_2"
LONG = 1024
"""Tokens from which plain attention, whose memory grows with the square, is not considered."""


@dataclass(frozen=True)
class Compute:
    """What to compute with. `dtype` is a name in `torch`, `attention` one that transformers knows."""

    device: str
    dtype: str
    attention: str


def choose(section: ComputeSection, cache: Path, *, context: int = 0) -> ComputeSection:
    """What the profile names, and in the place of `auto` what this machine measured best.

    `context` is the longest sequence, tokens: above 1,024 attention is FlashAttention where this machine has it and
    `sdpa` elsewhere, without a measurement. Raises EnvironmentFault for FlashAttention that is not there.
    """
    best = measured(cache) if "auto" in (section.dtype, section.attention) else None
    dtype = section.dtype if best is None or section.dtype != "auto" else best.dtype
    attention = section.attention if best is None or section.attention != "auto" else best.attention
    if section.attention == "auto" and context > LONG:
        attention = FLASH if dtype != "float32" and has_flash_attention() else "sdpa"
    if attention == FLASH and not has_flash_attention():
        raise EnvironmentFault(
            f"compute.attention: {FLASH} needs a GPU and the package flash-attn: install it, or set "
            "compute.attention=sdpa"
        )
    return ComputeSection(dtype=dtype, attention=attention)  # type: ignore[arg-type]  # names that `measure` gives


def of_profile(section: ComputeSection) -> Compute:
    """The choice of a profile without `auto`, on this machine's device."""
    return Compute(device(), section.dtype, section.attention)


def device() -> str:
    """`cuda` where there is one, else `cpu`."""
    import torch  # noqa: PLC0415  seconds to load

    return "cuda" if torch.cuda.is_available() else "cpu"


def has_flash_attention() -> bool:
    """Whether FlashAttention can be used: its package on a machine with a GPU."""
    return find_spec("flash_attn") is not None and device() == "cuda"


def measured(cache: Path) -> Compute:
    """The measurement of this machine, from `cache` where it was made before."""
    path = cache / f"{machine()[:16]}.json"
    if not path.is_file():
        write_bytes(path, msgspec.json.encode(measure()))
    return msgspec.json.decode(path.read_bytes(), type=Compute)


def machine() -> str:
    """SHA-256, in hex, of what a measurement depends on: processor, torch, and variables that hide features."""
    words = [platform.machine(), importlib.metadata.version("torch"), str(os.cpu_count()), *_processor()]
    words += [f"{name}={os.environ.get(name, '')}" for name in VARIABLES]
    return sha256("\0".join(words).encode()).hexdigest()


def _processor(path: Path = Path("/proc/cpuinfo")) -> Sequence[str]:
    """Model and features of the first processor; empty where the system does not tell."""
    try:
        lines = path.read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return (platform.processor(),)
    return [line for line in lines if line.startswith(("model name", "flags", "Features"))]


def measure() -> Compute:
    """Time a small model's matrix product in both dtypes, then both kinds of attention in the better one.

    Processor seconds count, not wall seconds, and the alternatives take turns: other work on the machine changes
    neither. A GPU is not measured: bf16 where it has it, and fused attention.
    """
    import torch  # noqa: PLC0415  seconds to load

    if torch.cuda.is_available():
        return Compute("cuda", "bfloat16" if torch.cuda.is_bf16_supported() else "float16", "sdpa")
    halves, singles = fastest([_product(torch.bfloat16), _product(torch.float32)])
    dtype = torch.bfloat16 if halves < MARGIN * singles else torch.float32
    plain, fused = fastest([_attention(dtype, fused=False), _attention(dtype, fused=True)])
    return Compute("cpu", str(dtype).removeprefix("torch."), "eager" if plain < fused else "sdpa")


def fastest(alternatives: Sequence[Callable[[], Any]], rounds: int = ROUNDS) -> list[float]:
    """Processor seconds of the quickest call of each alternative, which are called in turn; the first round is thrown
    away."""
    best = [float("inf")] * len(alternatives)
    for number in range(rounds + 1):
        for index, call in enumerate(alternatives):
            started = time.process_time()
            call()
            if number:
                best[index] = min(best[index], time.process_time() - started)
    return best


def _product(dtype: "torch.dtype") -> Callable[[], Any]:
    """Forward and backward of a layer (192 x 512) on 2,048 tokens."""
    import torch  # noqa: PLC0415

    inputs = torch.randn(2048, 192, dtype=dtype, requires_grad=True)
    weight = torch.randn(512, 192, dtype=dtype, requires_grad=True)
    return lambda: torch.autograd.backward(torch.nn.functional.linear(inputs, weight).sum())


def _attention(dtype: "torch.dtype", *, fused: bool) -> Callable[[], Any]:
    """Forward and backward of causal attention: 16 sequences of 96 tokens, 3 heads of 64."""
    import torch  # noqa: PLC0415

    query, key, value = (torch.randn(16, 3, 96, 64, dtype=dtype, requires_grad=True) for _ in range(3))
    mask = torch.full((96, 96), float("-inf")).triu(1).to(dtype)

    def plain() -> Any:
        weights = torch.softmax(query @ key.transpose(-1, -2) / 8 + mask, dim=-1, dtype=torch.float32)
        return torch.autograd.backward((weights.to(dtype) @ value).sum())

    def kernel() -> Any:
        attended = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return torch.autograd.backward(attended.sum())

    return kernel if fused else plain
