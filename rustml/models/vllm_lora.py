"""Adapters as vLLM takes them: beside their base, whole layers and all variants of LoRA left out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rustml.errors import InputError
from rustml.models import manifest
from rustml.models.loading import adapter_base

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The values of vLLM's `max_lora_rank` (vllm/config/lora.py)."""
UNSUPPORTED = ("use_dora", "lora_bias", "modules_to_save", "alora_invocation_tokens", "layer_replication")
"""Switches of peft that vLLM refuses (vllm/lora/peft_helper.py)."""


@dataclass(frozen=True)
class Adapter:
    """An adapter that vLLM takes."""

    base: Path
    """Folder of the whole checkpoint below it."""
    max_rank: int
    """The smallest value of `max_lora_rank` that holds it."""


def is_adapter(folder: Path) -> bool:
    """Whether the checkpoint in `folder` is an adapter. Raises InputError where it shows no kind of checkpoint."""
    return manifest.read(folder).base is not None


def obstacle(folder: Path) -> str:
    """Why vLLM cannot take the adapter in `folder` beside its base; empty where it can, or for any other checkpoint.

    Raises InputError where the folder shows no kind of checkpoint, or the base is missing or another one.
    """
    base = manifest.read(folder).base
    if base is None:
        return ""
    kind = manifest.kind(adapter_base(folder, base))
    if kind == "adapter":
        return "its base is an adapter itself"
    fields = _configuration(folder)
    if int(fields["r"]) > RANKS[-1]:
        return f"its rank is {fields['r']}, and vLLM takes up to {RANKS[-1]}"
    used = [switch for switch in UNSUPPORTED if fields.get(switch)]
    return f"vLLM does not take adapters with {', '.join(used)}" if used else ""


def adapter(folder: Path) -> Adapter | None:
    """How vLLM loads the adapter in `folder`; None for a checkpoint of another kind.

    Raises InputError for an adapter that it cannot take, and as `obstacle` does.
    """
    base = manifest.read(folder).base
    if base is None:
        return None
    reason = obstacle(folder)
    if reason:
        raise InputError(f"{folder} is an adapter that vLLM cannot take ({reason}): merge it into its base first")
    rank = int(_configuration(folder)["r"])
    return Adapter(adapter_base(folder, base), next(limit for limit in RANKS if limit >= rank))


def _configuration(folder: Path) -> dict[str, Any]:
    path = next(folder.rglob(manifest.ADAPTER_CONFIG))
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return fields
