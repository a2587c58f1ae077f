"""A pretrained base: from a model hub at a pinned revision, or from a folder."""

import shutil
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from rustml.errors import EnvironmentFault, InputError
from rustml.profile.training import BaseSection

FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")


def fetch(section: BaseSection, out: Path) -> None:
    """Put the checkpoint that the profile names into `out`.

    Raises InputError for a folder without one, EnvironmentFault when the hub does not answer. A token for the hub
    comes from the environment variable HF_TOKEN.
    """
    folder = Path(section.source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(f"base.source: {folder} holds no config.json: give the folder of one checkpoint")
        shutil.copytree(folder, out, ignore=lambda _, names: {n for n in names if not _wanted(n)}, dirs_exist_ok=True)
        return
    if not section.revision:
        raise InputError(f"base.revision: name the commit of {section.source}, so that the base cannot change unseen")
    try:
        snapshot_download(section.source, revision=section.revision, local_dir=out, allow_patterns=list(FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EnvironmentFault(
            f"base.source: {section.source} at {section.revision} cannot be had from the hub: {str(error)[:200]}"
        ) from error


def _wanted(name: str) -> bool:
    return any(Path(name).match(pattern) for pattern in FILES)
