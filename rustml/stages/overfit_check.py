"""A batch learnt by heart, by the method and from the data of a profile's SFT, before hours are spent on all of it."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rustml.errors import CheckFailed, InputError
from rustml.profile import Profile
from rustml.release import versions
from rustml.runs import tracking
from rustml.stages import sft
from rustml.stages import sft_preparation as preparation
from rustml.stages.computing import resolved
from rustml.training import launch
from rustml.training.job import Job


def run(profile: Profile, *, start: str, bank: str, pairs: str, say: Callable[[str], None]) -> None:
    """Overfit from the checkpoint that `start` names, on records of the two runs; nothing is kept.

    `say` takes the curve line by line. Raises InputError for a run that is not given, CheckFailed where the loss stays
    above the target, and what the stage `sft` raises before it trains.
    """
    if not (start and bank and pairs):
        raise InputError("check=overfit trains on the real data: give the runs of base (or a version), bank and pairs")
    folder = versions.checkpoint(start, profile.registered_model).folder
    of_folders(resolved(profile), folder, tracking.output(bank), tracking.output(pairs), say)


def of_folders(profile: Profile, folder: Path, bank: Path, pairs: Path, say: Callable[[str], None]) -> None:
    """The same, from the folders of a checkpoint and of the outputs of `bank` and `pairs`."""
    from rustml.models import compute  # noqa: PLC0415  torch takes seconds to load
    from rustml.training import overfit, preconditions  # noqa: PLC0415
    from rustml.training.methods.base import model_shape  # noqa: PLC0415

    sft.check(profile)
    world = launch.processes_here(profile.launch) * profile.launch.nodes
    shape = model_shape(folder)
    preconditions.check_model(profile.sft, shape)
    rows = overfit.batch(preparation.mixture(profile, folder, shape, bank, pairs)[1].rows)
    section, repeated = overfit.section_for(profile.sft, rows, world)
    machine = compute.of_profile(profile.compute)
    preparation.plan(profile, section, rows, shape, machine)
    losses: list[float] = []

    def log(step: int, metrics: dict[str, float]) -> None:
        if "validation.loss" in metrics:
            losses.append(metrics["validation.loss"])
            say(f"step {step:>4}  loss {losses[-1]:.4f}")

    say(f"{len(rows)} records, learnt by heart until the loss is under {overfit.TARGET} nats per token:")
    with tempfile.TemporaryDirectory() as scratch:
        job = Job(folder, Path(scratch) / "out", Path(scratch), profile.seed, machine, log)
        launch.train(partial(overfit.train, repeated, rows, section), job, profile.launch)
    if not losses[-1] < overfit.TARGET:
        raise CheckFailed(
            f"overfit: the loss on {len(rows)} records is {losses[-1]:.4f} after {overfit.STEPS} steps, not under "
            f"{overfit.TARGET}: {overfit.advice(losses)}"
        )
    say(f"overfit: the loss is under {overfit.TARGET}")
