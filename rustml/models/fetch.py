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
        if not (folder / "config.json").is_file():
            raise InputError(f"base.source: {folder} holds no config.json: give the folder of one checkpoint")
        shutil.copytree(folder, out, ignore=lambda _, names: {n for n in names if not _wanted(n)}, dirs_exist_ok=True)
        return
    if not section.revision:
        raise InputError(f"base.revision: name the commit of {section.source}, so that the base cannot change unseen")
    download(section.source, section.revision, out)


def _wanted(name: str) -> bool:
    return any(Path(name).match(pattern) for pattern in FILES)
