"""A pretrained base: from a model hub at a pinned commit, from a folder, or from a GGUF file."""

import shutil
from pathlib import Path

from rustml.errors import InputError
from rustml.models import gguf
from rustml.models.hub import FILES, download
from rustml.profile.base import FetchedBase, GgufBase, HubBase


def fetch(section: FetchedBase, out: Path) -> None:
    """Put the checkpoint that the profile names into `out`.

    Raises InputError for a folder or a file without one, EnvironmentFault when the hub does not answer.
    """
    if isinstance(section, HubBase):
        download(section.repository, section.revision, out)
    elif isinstance(section, GgufBase):
        gguf.convert(Path(section.file), out)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for file in checkpoint_files(Path(section.folder)):
            shutil.copy2(file, out)


def checkpoint_files(folder: Path) -> list[Path]:
    """The files that are taken from a folder, by name. Raises InputError when it is not a checkpoint's folder."""
    if not (folder / "config.json").is_file():
        raise InputError(f"base.folder: {folder} holds no config.json: give the folder of one checkpoint")
    return sorted(path for pattern in FILES for path in folder.glob(pattern) if path.is_file())
