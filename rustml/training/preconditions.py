"""What has to hold before a weight is read: the method fits the model, so does the context, and the disk the saves."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import EnvironmentFault, InputError
from rustml.models.compute import Compute
from rustml.profile.method import FullSection
from rustml.profile.sft import SftSection
from rustml.training.memory import GB, needed
from rustml.training.methods import method_of


def check_model(section: SftSection, shape: Any) -> None:
    """Raises InputError where the method does not fit the model, or the model is not made for so long a context."""
    method_of(section.method).trained_weights(shape)
    limit = longest_context(shape.config)
    if limit and section.context > limit:
        raise InputError(
            f"sft.context: {section.context} tokens, and the model is made for {limit} (max_position_embeddings): set "
            f"sft.context={limit} or less, or take a base of a longer context"
        )


def longest_context(config: Any) -> int:
    """Tokens that the model is made for, its own stretching of positions (YaRN and others) included; 0 for any."""
    text = config.get_text_config()
    limit = int(getattr(text, "max_position_embeddings", 0) or 0)
    rules = getattr(text, "rope_parameters", None) or {}
    for rule in (rules, *rules.values()):
        if isinstance(rule, dict) and "original_max_position_embeddings" in rule:
            limit = max(limit, int(rule["original_max_position_embeddings"] * rule.get("factor", 1)))
    return limit


def disk_bytes(section: SftSection, shape: Any, compute: Compute) -> tuple[float, float]:
    """Bytes of one save, from which a training goes on, and of one checkpoint of the result."""
    memory = needed(method_of(section.method), shape, section.optimizer, compute)
    checkpoint = memory.held if isinstance(section.method, FullSection) else memory.adapters
    return checkpoint + memory.masters + memory.optimizer, checkpoint


def check_disk(section: SftSection, shape: Any, compute: Compute, scratch: Path) -> None:
    """Raises EnvironmentFault where the disk of `scratch` cannot take all that will be kept, with what to change.

    What an earlier start of the same training left there counts as free: it is replaced.
    """
    free = shutil.disk_usage(scratch).free + sum(file.lstat().st_size for file in scratch.rglob("*") if file.is_file())
    if wanted(section, shape, compute) <= free:
        return
    save, checkpoint = disk_bytes(section, shape, compute)
    fitting = (change for change, smaller in _smaller(section) if wanted(smaller, shape, compute) <= free)
    change, total = next(fitting, ""), wanted(section, shape, compute)
    advice = f"set {change}, or work on a larger disk" if change else "work on a larger disk"
    raise EnvironmentFault(
        f"{scratch} has {free / GB:.1f} GB of disk free; this training writes {total / GB:.1f} GB: "
        f"{saves(section)} saves of {save / GB:.1f} GB (sft.keep_checkpoints, and one that is being written) and "
        f"{copies(section)} checkpoints of {checkpoint / GB:.1f} GB (the result, its copy in a local store, and the "
        f"best one of sft.validation.keep_best): {advice}"
    )


def wanted(section: SftSection, shape: Any, compute: Compute) -> float:
    """Bytes of all that lies on the disk at once."""
    save, checkpoint = disk_bytes(section, shape, compute)
    return saves(section) * save + copies(section) * checkpoint


def saves(section: SftSection) -> int:
    """Saves that lie there at once: an older one is deleted after the newest is written."""
    if not section.save_steps:
        return 0
    written = section.steps // section.save_steps + 1 if section.steps else section.keep_checkpoints + 1
    return min(written, section.keep_checkpoints + 1)


def copies(section: SftSection) -> int:
    """Checkpoints of the result: in the working folder, in the tracking store, and the best so far."""
    return 3 if section.validation.keep_best else 2


def _smaller(section: SftSection) -> Iterator[tuple[str, SftSection]]:
    for kept in range(section.keep_checkpoints - 1, 0, -1):
        yield f"sft.keep_checkpoints={kept}", msgspec.structs.replace(section, keep_checkpoints=kept)
    yield "sft.save_steps=0 (a killed training then starts anew)", msgspec.structs.replace(section, save_steps=0)
