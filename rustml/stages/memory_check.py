"""The memory arithmetic of SFT by itself: no weights are read, and the GPU need not be here."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rustml.errors import EnvironmentFault, InputError
from rustml.profile import Profile
from rustml.profile.base import GgufBase, HubBase, PathBase
from rustml.release import versions
from rustml.runs import tracking
from rustml.stages.computing import resolved


def table(profile: Profile, *, base: str = "", gpu: str = "") -> str:
    """The table of a profile's SFT, and whether it fits `gpu`, or this machine where that is empty.

    So many GPUs take part as `launch` says; for a GPU that is not here, `launch.processes: 0` is one.

    The base's shape comes from its run, else from what the profile names; of a hub, its configuration alone is fetched.
    Raises EnvironmentFault with settings that fit, InputError for an unknown GPU or a base without a configuration.
    """
    from rustml.models.compute import Compute, of_profile  # noqa: PLC0415
    from rustml.training import launch, memory, memory_plan, preconditions  # noqa: PLC0415  torch takes seconds to load

    compute = Compute("cuda", "bfloat16", "sdpa") if gpu else of_profile(resolved(profile).compute)
    processes = (
        profile.launch.processes or (1 if gpu else launch.processes_here(profile.launch))
    ) * profile.launch.nodes
    sharded = profile.launch.strategy == "fsdp"
    room = memory_plan.room_of(gpu) if gpu else memory.free_bytes(compute)
    shape = _shape(profile, base)
    preconditions.check_model(profile.sft, shape)
    try:
        made = memory_plan.plan(profile.sft, shape, compute, processes=processes, sharded=sharded)
    except ValueError as error:
        raise InputError(f"sft: {error}") from error
    lines = [f"{row['part']:<24}{row['gb']:>10.3f} GB" for row in made.rows()]
    records = profile.sft.records_per_pass(processes)
    passes = profile.sft.passes_per_step(processes)
    lines.append(f"step: {processes} x {passes} passes x {records} records = {profile.sft.batch_size}")
    text = "\n".join([*lines, f"room: {room / memory.GB:.1f} GB on {gpu or compute.device}"])
    if made.peak <= room:
        return f"{text}\nfits"
    try:
        memory_plan.refuse(profile.sft, shape, compute, room, processes=processes, sharded=sharded)
    except EnvironmentFault as fault:
        raise EnvironmentFault(f"{text}\n{fault}") from fault
    return text


def _shape(profile: Profile, base: str) -> Any:
    """The base model without weights."""
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415

    from rustml.models.compute import Compute  # noqa: PLC0415
    from rustml.training import pretrain  # noqa: PLC0415
    from rustml.training.methods.base import model_shape  # noqa: PLC0415

    section = profile.base
    if base:
        return model_shape(tracking.output(base) / versions.MODEL)
    try:
        match section:
            case HubBase():
                config = AutoConfig.from_pretrained(
                    section.repository, revision=section.revision, trust_remote_code=False
                )
            case PathBase():
                config = AutoConfig.from_pretrained(section.folder, local_files_only=True, trust_remote_code=False)
            case GgufBase():
                file = Path(section.file)
                config = AutoConfig.from_pretrained(str(file.parent), gguf_file=file.name, local_files_only=True)
            case _:
                words: Any = SimpleNamespace(eos_token_id=None, pad_token_id=None)
                with torch.device("meta"):
                    return pretrain.new_model(section.architecture, words, 0, Compute("cpu", "bfloat16", "sdpa"))
    except OSError as error:
        raise InputError(
            f"base: its configuration cannot be read ({str(error)[:160]}): give base=RUN, or a folder with its "
            'config.json: set="base={kind: path, folder: FOLDER}"'
        ) from error
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)
