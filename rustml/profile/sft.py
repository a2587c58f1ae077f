"""Profile section of supervised fine-tuning."""

from typing import Annotated, ClassVar

from msgspec import Meta

from rustml.profile.method import TrainerSection
from rustml.profile.section import Section
from rustml.profile.sources import Source, ValidationSection, refuse_shares
from rustml.profile.types import Count, Positive


class JudgedSection(Section, frozen=True):
    """A small sample of greedy answers before, during and after the training. It changes nothing of the training."""

    problems: Count
    """Problems of the bank's `rust-dev`, the first ones, whose answers are judged: shares that compile and pass."""
    every: Count
    """Steps from one sample to the next; 0: once per epoch."""
    max_new_tokens: Positive
    prompts: tuple[str, ...]
    """Instructions of your own, whose answers are logged to be read beside those to the problems."""


class SftSection(TrainerSection, frozen=True):
    """Supervised fine-tuning on Rust pairs, with anchors against forgetting."""

    one_of: ClassVar[tuple[frozenset[str], ...]] = (*TrainerSection.one_of, frozenset({"micro_batch", "passes"}))
    sources: Annotated[dict[str, Source], Meta(min_length=1)]
    """What is trained on, by a name under which its rows are counted."""
    samples: Positive | None
    """Rows to train on at most, each source's share kept; null takes all."""
    validation: ValidationSection
    judged: JudgedSection
    batch_size: Positive
    """Records per step."""
    micro_batch: Positive | None
    """Records per forward and backward pass, a divisor of `batch_size`; fewer take less memory. Null: as `passes`
    says, or all of a process's share at once."""
    passes: Positive | None
    """Passes per step of each process, in the place of `micro_batch`: the more processes share a step, the fewer
    records each takes at once, and the step stays `batch_size` records."""
    context: Positive
    """Longer records are left out, and counted."""
    packing: bool
    """Fill sequences of `context` tokens with several records each, which do not see each other: no padding, and fewer,
    fuller steps. `batch_size` and `micro_batch` then count sequences; without FlashAttention a `micro_batch` of 1 keeps
    the attention mask small."""

    compile: bool
    """Compile the model (`torch.compile`): minutes before the first steps, again for new shapes of batches, so that it
    suits `packing`. It needs a C++ compiler, and `launch.strategy: ddp`."""
    offload_activations: bool
    """Keep activations in the memory of the host until the backward pass: for GPUs, and slower. The arithmetic of
    memory counts them as if they stayed."""

    def __post_init__(self) -> None:
        """Raises ValueError for shares that cannot be, and for a step that does not fall into equal parts."""
        super().__post_init__()
        refuse_shares(self.sources)
        if self.micro_batch is not None and self.passes is not None:
            raise ValueError("give micro_batch or passes, not both: set the other one to null")
        self.records_per_pass(1)

    def records_per_pass(self, processes: int) -> int:
        """Records that each of so many processes takes at once, so that a step is `batch_size` records of all.

        Raises ValueError where the step does not fall into equal parts.
        """
        share, rest = divmod(self.batch_size, processes)
        records, uneven = divmod(share, self.passes) if self.passes else (min(self.micro_batch or share, share), 0)
        if rest or uneven or share % records:
            key = f"passes ({self.passes})" if self.passes else f"micro_batch ({self.micro_batch})"
            several = f" on {processes} processes" if processes > 1 else ""
            raise ValueError(f"{key} must divide batch_size ({self.batch_size}){several}")
        return records

    def passes_per_step(self, processes: int) -> int:
        """Forward and backward passes of each of so many processes in a step. Raises as `records_per_pass` does."""
        return self.batch_size // (self.records_per_pass(processes) * processes)
