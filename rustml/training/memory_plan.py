"""The memory arithmetic of SFT: what each GPU holds at its peak, whether it fits, and which settings would."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from trl.kernels.chunked_logprob import TOKEN_CHUNK_SIZE
from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE as VOCABULARY_CHUNK

from rustml.errors import EnvironmentFault, InputError
from rustml.models.compute import Compute
from rustml.profile.method import FullSection, LoraSection, QloraSection
from rustml.profile.sft import SftSection
from rustml.training.activations import count
from rustml.training.batching import Row
from rustml.training.memory import GB, Memory, element_bytes, needed
from rustml.training.methods import method_of
from rustml.training.methods.full import Full

GIB = 2**30
GPUS: Mapping[str, float] = {
    "t4": 14.6,
    "l4": 22.0,
    "a10g": 22.0,
    "rtx3060-6gb": 5.7,
    "rtx4090": 23.5,
    "rtx5090": 31.3,
    "l40s": 44.4,
    "a100-40gb": 39.4,
    "a100-80gb": 79.1,
    "h100": 78.0,
    "h200": 139.0,
    "b200": 178.0,
}
"""Usable memory by type of GPU, GiB: less than its name says, since driver and error correction take a part."""
TILE_BYTES = {"cpu": 29, "cuda": 8}
"""Per logit of a tile of the loss beside the tile itself, by device: on a CPU seven fp32 tensors and a mask, since the
kernel that works in place is there for GPUs alone (`trl.kernels.chunked_logprob`)."""
RESERVE = 0.6 * GIB
"""CUDA's context, kernels' workspaces and the allocator's gaps."""


def room_of(gpu: str) -> float:
    """Bytes for training on a GPU that is named by its type, or by its memory in GiB such as `24`.

    Raises InputError for an unknown type.
    """
    name = gpu.lower()
    try:
        size = GPUS[name] if name in GPUS else float(name)
    except ValueError as error:
        known = ", ".join(GPUS)
        raise InputError(
            f"gpu: no type {gpu!r}; known: {known}; or give its usable memory in GiB, such as 24"
        ) from error
    return size * GIB - RESERVE


@dataclass(frozen=True)
class Plan:
    """Bytes on each GPU."""

    memory: Memory
    gathered: float
    """Whole weights of two layers, under sharding: the one that computes and the next."""
    activations: float
    """What one pass keeps, and the gradients of the layer whose backward pass runs."""
    logits: float
    """Tiles of the chunked loss, and the fp32 gradient of the head where it trains."""
    apart: float
    """What is counted above and never held at once: the loss is over when a layer's backward pass begins. 0 on a GPU,
    where nothing has been measured yet, and the sum is a margin."""
    accumulated: bool
    """Whether gradients of an earlier pass are held while a pass runs."""

    @property
    def lasting(self) -> float:
        """What is held all the time."""
        kept = self.memory
        return kept.held + kept.adapters + kept.masters + kept.optimizer

    @property
    def peak(self) -> float:
        """The larger of two moments: the backward pass begins, or the step is taken."""
        gradients = self.memory.gradients
        held = self.activations + self.logits - self.apart
        backward = held + self.gathered + (gradients if self.accumulated else 0)
        return self.lasting + max(backward, gradients + self.memory.step)

    def rows(self) -> list[dict[str, Any]]:
        """The table, in GB."""
        kept = self.memory
        parts = {
            "weights": kept.held,
            "adapters": kept.adapters,
            "gradients": kept.gradients,
            "masters": kept.masters,
            "optimizer": kept.optimizer,
            "gathered layers": self.gathered,
            "activations": self.activations,
            "loss": self.logits,
            "temporaries of a step": kept.step,
            "peak": self.peak,
        }
        return [{"part": name, "gb": round(size / GB, 3)} for name, size in parts.items()]


def bounded(section: SftSection, rows: Sequence[Row]) -> SftSection:
    """The section with the length of the longest row as its context, where rows are padded and none is as long."""
    longest = max((len(ids) for ids, _ in rows), default=section.context)
    return section if section.packing else msgspec.structs.replace(section, context=min(section.context, longest))


def plan(section: SftSection, shape: Any, compute: Compute, *, processes: int = 1, sharded: bool = False) -> Plan:
    """The memory of each of so many processes. Raises InputError where the method does not fit the model, ValueError
    where a step does not fall into equal parts."""
    method, parts = method_of(section.method), processes if sharded else 1
    whole = needed(method, shape, section.optimizer, compute)
    records = section.records_per_pass(processes)
    size = (1, records * section.context) if section.packing else (records, section.context)
    kept = count(shape, method, compute, *size)
    text = shape.config.get_text_config()
    layers, tokens, width = text.num_hidden_layers, records * section.context, element_bytes(compute)
    held, again = (layers * kept.hidden, kept.layer) if section.gradient_checkpointing else (layers * kept.layer, 0.0)
    backward = again + tokens * (2 * text.intermediate_size + 2 * text.hidden_size) * width
    beside = TILE_BYTES[compute.device] * min(text.vocab_size, VOCABULARY_CHUNK)
    tiles = min(tokens, TOKEN_CHUNK_SIZE) * (VOCABULARY_CHUNK * width + beside)
    head = 4 * text.vocab_size * text.hidden_size if isinstance(method, Full) else 0
    return Plan(
        memory=whole.shared(parts),
        gathered=2 * whole.held / layers if parts > 1 else 0.0,
        activations=held + kept.rest + backward,
        logits=float(tiles + head + 8 * tokens * text.hidden_size),
        apart=min(backward, float(tiles)) if compute.device == "cpu" else 0.0,
        accumulated=section.passes_per_step(processes) > 1,
    )


def fitting(
    section: SftSection, shape: Any, compute: Compute, room: float, *, processes: int = 1, sharded: bool = False
) -> dict[str, Any]:
    """The first changes of the profile, each on top of those before it, with which a training fits; none where all of
    them are too little. Those that leave the result as it is come first."""
    changes: dict[str, Any] = {}
    for change in _relief(section, processes):
        changes |= change
        section = _changed(section, change)
        if plan(section, shape, compute, processes=processes, sharded=sharded).peak <= room:
            return changes
    return {}


def _relief(section: SftSection, processes: int) -> Iterator[dict[str, Any]]:
    if not section.gradient_checkpointing:
        yield {"sft.gradient_checkpointing": True}
    records = section.records_per_pass(processes)
    while records > 1:
        records = next(size for size in range(records - 1, 0, -1) if section.batch_size // processes % size == 0)
        yield {"sft.micro_batch": records}
    rate = msgspec.to_builtins(section.optimizer)["learning_rate"]
    if isinstance(section.method, FullSection):
        yield {"sft.optimizer": {"kind": "adamw8bit", "learning_rate": rate, "masters": False}}
        yield {"sft.method": {"kind": "lora"}}
    if not isinstance(section.method, QloraSection):
        yield {"sft.method": {"kind": "qlora"}}
    context = section.context
    while context > 512:
        context //= 2
        yield {"sft.context": context}


def _changed(section: SftSection, change: Mapping[str, Any]) -> SftSection:
    tree = msgspec.to_builtins(section)
    for key, value in change.items():
        name = key.removeprefix("sft.")
        tree[name] = value
        if name == "micro_batch":
            tree["passes"] = None
        if name == "method" and isinstance(section.method, LoraSection):
            adapter = msgspec.to_builtins(section.method)
            tree[name] = {**adapter, **value}
    return msgspec.convert(tree, SftSection)


def refuse(
    section: SftSection, shape: Any, compute: Compute, room: float, *, processes: int = 1, sharded: bool = False
) -> Plan:
    """The plan, where its peak is within `room` bytes. Raises EnvironmentFault with the settings that would fit."""
    made = plan(section, shape, compute, processes=processes, sharded=sharded)
    if made.peak <= room:
        return made
    changes = fitting(section, shape, compute, room, processes=processes, sharded=sharded)
    words = " ".join(f"{key}={msgspec.json.encode(value).decode()}" for key, value in changes.items())
    advice = f'these settings fit: set="{words}"' if changes else "no smaller setting fits: take a larger GPU, or more"
    raise EnvironmentFault(
        f"training peaks at {made.peak / GB:.1f} GB on each GPU, and {room / GB:.1f} GB are free there: {advice}"
    )
