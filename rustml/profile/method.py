"""Profile sections of training methods, and of what the trainers of SFT and GRPO share."""

from typing import Annotated, ClassVar

from msgspec import Meta

from rustml.profile.optimizer import OptimisationSection
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive

Dropout = Annotated[float, Meta(ge=0, lt=1)]
Modules = tuple[str, ...] | str

ALL_LINEAR = "all-linear"


class FullSection(Section, frozen=True, tag_field="kind", tag="full"):
    """All weights train."""

    fp8: bool = False
    """Compute linear layers but the output head in FP8 (torchao); weights stay as they are. It needs a GPU of compute
    capability 8.9, and is for `sft.compile`: alone it is slower. A CPU emulates it, to try a recipe."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions that the method needs beside the trainers' own; their versions are part of the stage's key."""
        return ("torchao",) if self.fp8 else ()


class _Adapter(Section, frozen=True):
    libraries: ClassVar[tuple[str, ...]] = ("peft",)
    """As of `FullSection`."""
    rank: Positive = 16
    """Inner dimension of the adapter of each layer."""
    alpha: Positive = 32
    """The adapter's output is scaled by alpha / rank."""
    dropout: Dropout = 0.0
    """Share of the adapter's inputs that are set to 0 in training."""
    target_modules: Modules = ALL_LINEAR
    """Names of linear layers, as a list or separated by `;`, or `all-linear`: all of them but the output head."""
    rslora: bool = False
    """Scale the adapter's output by alpha / sqrt(rank) instead (Kalajdzievski, 2023): a high rank learns no slower."""
    dora: bool = False
    """Train the length of each row of a layer's weights too, apart from its direction (Liu et al., 2024): slower, and
    merged where vLLM serves it. It needs `launch.strategy: ddp`."""


class LoraSection(_Adapter, frozen=True, tag_field="kind", tag="lora"):
    """Low-rank adapters on frozen weights (Hu et al., 2022)."""


class QloraSection(_Adapter, frozen=True, tag_field="kind", tag="qlora"):
    """Low-rank adapters on weights frozen in 4 bits (Dettmers et al., 2023): NF4, bf16 for computing and storage."""

    libraries: ClassVar[tuple[str, ...]] = ("peft", "bitsandbytes")
    double_quantisation: bool = True
    """Quantise the constants of the quantisation as well: 0.37 bits per weight less."""


MethodSection = FullSection | LoraSection | QloraSection


class TrainerSection(OptimisationSection, frozen=True):
    """What the trainers of SFT and GRPO share."""

    method: MethodSection
    """Which weights train, and how the others are held."""
    gradient_checkpointing: bool
    """Compute activations again in the backward pass instead of keeping them: less memory, about a third more time."""
    log_steps: Positive
    """Steps between two points of the logged curves."""
    save_steps: Count
    """Steps between two saves of the training's state, from which a killed training goes on; 0 saves nothing."""
    keep_checkpoints: Positive
    """Saves to keep; older ones are deleted."""
