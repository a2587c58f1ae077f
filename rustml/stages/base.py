"""Make or fetch the base model."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from rustml import chat
from rustml.contents import files_contents
from rustml.models.fetch import checkpoint_files
from rustml.profile import Profile
from rustml.records import Pair, read_jsonl
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.stages.computing import resolved
from rustml.training import data, sources

SCRATCH = "scratch"


def local_files(profile: Profile) -> list[Path]:
    """The files of a base that is a folder on this machine, else none. Raises InputError for another kind of folder."""
    folder = Path(profile.base.source)
    return [] if profile.base.source == SCRATCH or not folder.is_dir() else checkpoint_files(folder)


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """The digest of a local checkpoint, whose path does not count. Raises InputError for a folder without one."""
    files = local_files(profile)
    return {("base", "source"): files_contents(files, "base.source")} if files else {}


def environment(profile: Profile) -> Mapping[str, str]:
    """What a base that is trained here depends on; one that is fetched depends on nothing."""
    return libraries_and_device("transformers", "tokenizers") if profile.base.source == SCRATCH else {}


STAGE = Stage("base", ("base", "chat", "compute"), __name__, contents, environment)


def run(profile: Profile, *, bank: str, pairs: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on the output of the runs `bank` and `pairs`, or find the run that did the same."""
    scratch = profile.base.source == SCRATCH
    profile = resolved(profile) if scratch else profile

    def body(space: Workspace) -> Outcome:
        return _scratch(profile, space) if scratch else _fetched(profile, space)

    trained_on = {"bank": bank, "pairs": pairs} if scratch else {}
    return tracking.run_stage(STAGE, profile, body, inputs=trained_on, parent=parent, reuse=reuse)


def _fetched(profile: Profile, space: Workspace) -> Outcome:
    from rustml.models import template  # noqa: PLC0415
    from rustml.models.fetch import fetch  # noqa: PLC0415  the hub's client takes a second to load

    folder = space.out / "model"
    fetch(profile.base, folder)
    return Outcome(tags={chat.TAG: template.apply(folder, profile.chat)})


def _scratch(profile: Profile, space: Workspace) -> Outcome:
    from rustml.models import checkpoint, compute, tokenizer  # noqa: PLC0415  torch takes seconds to load
    from rustml.training import pretrain  # noqa: PLC0415  torch takes seconds to load

    section, shape = profile.base, profile.base.architecture
    assert shape is not None, "checked with the profile"
    parts = _parts(profile, space.inputs["bank"], space.inputs["pairs"])
    texts = itertools.chain.from_iterable(itertools.islice(part, 4000) for part in (*parts.values(),))
    words = tokenizer.train((f"{asked}\n{reply}" for asked, reply in texts), shape.vocabulary, shape.context)
    chat.prepare(words, profile.chat)
    mixed = data.mix(words, parts, shape.context, profile.seed)
    model = pretrain.new_model(shape, words, profile.seed, compute.of_profile(profile.compute))
    with Progress("base", pretrain.length(mixed.rows, section, profile.seed)) as progress:

        def log(step: int, metrics: dict[str, float]) -> None:
            progress(step)
            space.log(step, {f"base.{name}": value for name, value in metrics.items()})

        pretrain.train(model, mixed.rows, section, profile.seed, log)
    checkpoint.save(model, words, space.out / "model")
    metrics = {**mixed.metrics("base"), "base.parameters": float(sum(p.numel() for p in model.parameters()))}
    return Outcome(metrics, tags={chat.TAG: chat.digest(words)})


def _parts(profile: Profile, bank: Path, pairs: Path) -> Mapping[str, Sequence[data.Text]]:
    """What a base learns from: the first records of each file."""
    section = profile.base
    python = sources.trainable_problems(bank, "python-train", section.python_pairs)[: section.python_pairs]
    rust = sources.trainable_problems(bank, "rust-train", section.noisy_rust_pairs)[: section.noisy_rust_pairs]
    raw = itertools.islice(read_jsonl(pairs / "raw.jsonl", Pair), section.raw_rust)
    return {
        "python": data.solved(python),
        "noisy_rust": data.mismatched(rust, profile.seed),
        "raw_rust": data.written(raw),
    }
