"""Make or fetch the base model."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from rustml import chat
from rustml.contents import file_contents, files_contents
from rustml.errors import InputError
from rustml.models.fetch import checkpoint_files
from rustml.profile import Profile
from rustml.profile.base import BaseSection, FetchedBase, GgufBase, PathBase, ScratchBase
from rustml.records import Pair, read_jsonl
from rustml.release.lineage import BASE_LICENCE_TAG, BASE_TERMS_TAG
from rustml.runs import tracking
from rustml.runs.environment import libraries, libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.stages.computing import resolved
from rustml.stages.shards import in_shards
from rustml.training import data, sources
from rustml.training.machine_check import check_machine


def local_files(profile: Profile) -> list[Path]:
    """The files of a base that lies on this machine, else none. Raises InputError for a folder without a checkpoint."""
    if isinstance(profile.base, GgufBase):
        return [path for path in (Path(profile.base.file),) if path.exists() or not profile.base.packages]
    return checkpoint_files(Path(profile.base.folder)) if isinstance(profile.base, PathBase) else []


def local_bytes(profile: Profile) -> int:
    """Bytes of a base that lies on this machine or will; 0 for one that is made from scratch or lies on a hub."""
    download = profile.base.download_mb * 1_000_000 if isinstance(profile.base, GgufBase) else 0
    return sum(file.stat().st_size for file in local_files(profile)) or download


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """The digest of a local checkpoint, whose path does not count. Raises InputError where it cannot be read."""
    if isinstance(profile.base, GgufBase):
        if profile.base.packages:
            return {("base", "file"): profile.base.sha256}
        return {("base", "file"): file_contents(Path(profile.base.file), "base.file")}
    files = local_files(profile)
    return {("base", "folder"): files_contents(files, "base.folder")} if files else {}


def environment(profile: Profile) -> Mapping[str, str]:
    """What a base that is trained or converted here depends on; one that is copied depends on nothing."""
    if isinstance(profile.base, GgufBase):
        return libraries("torch", "transformers", "gguf")
    return libraries_and_device("transformers", "tokenizers") if isinstance(profile.base, ScratchBase) else {}


STAGE = Stage("base", ("base", "chat", "checkpoints", "compute"), __name__, contents, environment, reads_for="training")


def run(
    profile: Profile, *, bank: str = "", pairs: str = "", parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage, or find the run that did the same.

    A base that is trained here reads the output of the runs `bank` and `pairs`; one that is fetched reads neither.
    Raises InputError where a run that is read is not named.
    """
    section = profile.base
    profile = resolved(profile) if isinstance(section, ScratchBase) else profile
    check(profile)

    def body(space: Workspace) -> Outcome:
        if isinstance(section, ScratchBase):
            return _scratch(section, profile, space)
        return _fetched(section, profile, space)

    trained_on = _trained_on(section, bank=bank, pairs=pairs)
    return tracking.run_stage(STAGE, profile, in_shards(profile, body), inputs=trained_on, parent=parent, reuse=reuse)


def check(profile: Profile) -> None:
    """Refuse what cannot be trained here, before anything is loaded. Raises InputError and EnvironmentFault."""
    if isinstance(profile.base, ScratchBase):
        check_machine(profile.base.optimizer, profile.compute.dtype, "base.optimizer")


def _trained_on(section: BaseSection, **runs: str) -> dict[str, str]:
    if not isinstance(section, ScratchBase):
        return {}
    missing = [f"-P {role}=RUN" for role, run_id in runs.items() if not run_id]
    if missing:
        raise InputError(f"a base of kind scratch is trained on problems and pairs: give {' '.join(missing)}")
    return runs


def _fetched(section: FetchedBase, profile: Profile, space: Workspace) -> Outcome:
    from rustml.models import template  # noqa: PLC0415
    from rustml.models.fetch import fetch, licence_of  # noqa: PLC0415  the hub's client takes a second to load

    folder = space.out / "model"
    fetch(section, folder)
    tags = _licence(section, licence_of(folder))
    click.echo(f"  licence of the base: {' '.join(tags.values()) or 'not stated'}")
    return Outcome(tags={chat.TAG: template.apply(folder, profile.chat), **tags})


def _licence(section: FetchedBase, of_card: str) -> dict[str, str]:
    """The stated licence of the weights, as tags: by the profile for a GGUF file, else by the card beside them."""
    of_profile = (section.licence, section.terms) if isinstance(section, GgufBase) else ("", "")
    tags = {BASE_LICENCE_TAG: of_profile[0] or of_card, BASE_TERMS_TAG: of_profile[1]}
    return {tag: value for tag, value in tags.items() if value}


def _scratch(section: ScratchBase, profile: Profile, space: Workspace) -> Outcome:
    from rustml.models import checkpoint, compute, tokenizer  # noqa: PLC0415  torch takes seconds to load
    from rustml.training import pretrain  # noqa: PLC0415  torch takes seconds to load

    shape = section.architecture
    parts = _parts(section, profile.seed, space.inputs["bank"], space.inputs["pairs"])
    texts = itertools.chain.from_iterable(itertools.islice(part, 4000) for part in (*parts.values(),))
    words = tokenizer.train((f"{text[0]}\n{text[1]}" for text in texts), shape.vocabulary, shape.context)
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


def _parts(section: ScratchBase, seed: int, bank: Path, pairs: Path) -> Mapping[str, Sequence[data.Text]]:
    """What a base learns from, drawn at random by the seed.

    Noisy tasks are the first of their file, since the last ones are GRPO's prompts.
    """
    solved = sources.trainable_problems(bank, "python-train", section.python_pairs)
    python = sources.shuffled(solved, seed, "python")[: section.python_pairs]
    rust = sources.trainable_problems(bank, "rust-train", section.noisy_rust_pairs)[: section.noisy_rust_pairs]
    raw = sources.shuffled(read_jsonl(pairs / "raw.jsonl", Pair), seed, "raw_rust")[: section.raw_rust]
    return {
        "python": data.solved(python),
        "noisy_rust": data.mismatched(rust, seed),
        "raw_rust": data.written(raw),
    }
