"""What the stage `sft` and its checks do before a training: read the data, reckon memory, hours and cost."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rustml.errors import InputError
from rustml.models.compute import Compute
from rustml.profile import Profile
from rustml.profile.sft import SftSection
from rustml.training import launch, sources

if TYPE_CHECKING:
    from rustml.training.batching import Row
    from rustml.training.data import Encode, Mixture
    from rustml.training.memory_plan import Plan
    from rustml.training.report.cost import Estimate

log = logging.getLogger(__name__)


def mixture(
    profile: Profile, folder: Path, shape: Any, bank: Path, pairs: Path, tokenise: "Encode | None" = None
) -> "tuple[Any, Mixture]":
    """The tokenizer of the checkpoint in `folder`, and what the profile's SFT trains on. Raises InputError.

    `shape` is its model without weights. What the tokenizer does badly with Rust is warned of.
    """
    from rustml.models import checkpoint  # noqa: PLC0415
    from rustml.training import data  # noqa: PLC0415
    from rustml.training.report.tokenizer_probe import probe, rust_answers  # noqa: PLC0415

    section = profile.sft
    tokenizer = checkpoint.load_tokenizer(folder)
    texts = sources.texts(section.sources, bank, pairs, profile.seed)
    vocabulary = shape.config.get_text_config().vocab_size
    for warning in probe(tokenizer, rust_answers(texts.values()), vocabulary).warnings:
        log.warning("tokenizer: %s", warning)
    amounts = sources.amounts(section.sources)
    mixed = data.mix(tokenizer, texts, section.context, profile.seed, amounts, section.samples, tokenise)
    sources.check_filled(mixed, "sft.sources", section.context)
    if not mixed.rows:
        raise InputError(f"sft.samples: {section.samples} of {len(texts)} sources leave no row; raise it")
    return tokenizer, mixed


def plan(profile: Profile, section: SftSection, rows: "Sequence[Row]", shape: Any, machine: Compute) -> "Plan":
    """The memory of a training of a model of this shape. Raises EnvironmentFault where this machine lacks it."""
    from rustml.training.memory import free_bytes  # noqa: PLC0415  torch takes seconds to load
    from rustml.training.memory_plan import bounded, refuse  # noqa: PLC0415

    here = launch.processes_here(profile.launch)
    room = free_bytes(machine) / (here if machine.device == "cpu" else 1)
    return refuse(
        bounded(section, rows),
        shape,
        machine,
        room,
        processes=launch.world(profile.launch),
        sharded=profile.launch.strategy == "fsdp",
    )


def step_of(profile: Profile) -> str:
    """How the processes share a step."""
    section, world = profile.sft, launch.world(profile.launch)
    what = f"sequences of {section.context} tokens" if section.packing else "records"
    size, passes, records = section.batch_size, section.passes_per_step(world), section.records_per_pass(world)
    return f"a step: {size} {what} = {world} processes x {passes} passes x {records}"


def expected(profile: Profile, rows: "Sequence[Row]", shape: Any, machine: Compute, steps: int) -> "Estimate":
    """Hours and cost of so many steps, before any is taken. Raises InputError for a GPU whose peak is not known."""
    from rustml.training import sft  # noqa: PLC0415  torch takes seconds to load
    from rustml.training.memory_plan import bounded  # noqa: PLC0415
    from rustml.training.methods import method_of  # noqa: PLC0415
    from rustml.training.report import cost  # noqa: PLC0415
    from rustml.training.throughput import flops_per_token  # noqa: PLC0415

    trained = method_of(profile.sft.method).trained_weights(shape)
    flops = flops_per_token(shape, trained, bounded(profile.sft, rows).context)
    devices = launch.world(profile.launch)
    return cost.estimate(profile.launch, machine, sft.tokens(rows, profile.sft, steps), flops, devices)
