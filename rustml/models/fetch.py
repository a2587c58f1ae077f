"""A pretrained base: from a model hub at a pinned revision, or from a folder."""

import shutil
from pathlib import Path

from rustml.errors import InputError
from rustml.models.hub import FILES, download
from rustml.profile.base import BaseSection


def fetch(section: BaseSection, out: Path) -> None:
    """Put the checkpoint that the profile names into `out`.

    Raises InputError for a folder without one or a revision left open, EnvironmentFault when the hub does not answer.
    """
    folder = Path(section.source)
    if folder.is_dir():
        out.mkdir(parents=True, exist_ok=True)
        for file in checkpoint_files(folder):
            shutil.copy2(file, out)
        return
    if not section.revision:
        raise InputError(f"base.revision: name the commit of {section.source}, so that the base cannot change unseen")
    download(section.source, section.revision, out)


def checkpoint_files(folder: Path) -> list[Path]:
    """The files that are taken from a folder, by name. Raises InputError when it is not a checkpoint's folder."""
    if not (folder / "config.json").is_file():
        raise InputError(f"base.source: {folder} holds no config.json: give the folder of one checkpoint")
    return sorted(path for pattern in FILES for path in folder.glob(pattern) if path.is_file())
