"""Checkpoints from a model hub, at a pinned commit."""

import re
import shutil
from pathlib import Path

from rustml.errors import EnvironmentFault

FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt", "README.md")
"""The files of a checkpoint, its card among them: no pickled weights, no code."""
PINNED = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})", re.ASCII)
UNPINNED = re.compile(r"[\w.-]+/[\w.-]+(@.*)?", re.ASCII)


def download(repository: str, revision: str, folder: Path) -> None:
    """Put the checkpoint into `folder`; a download that was killed continues there.

    Raises EnvironmentFault when the hub does not answer, or has no such repository or revision. A token comes from the
    environment variable HF_TOKEN.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  takes a second to load
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=list(FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EnvironmentFault(
            f"{repository} at {revision} cannot be fetched from the hub: {str(error)[:200]}"
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub client's notes: time stamps, which no digest repeats


def cached(repository: str, commit: str, cache: Path) -> Path:
    """Folder below `cache` with the checkpoint at this commit, downloaded where it is missing.

    Raises EnvironmentFault as `download` does.
    """
    folder = cache / f"{repository.replace('/', '--')}@{commit}"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        download(repository, commit, partial)
        partial.rename(folder)
    return folder
