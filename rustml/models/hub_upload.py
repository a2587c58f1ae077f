"""Upload a folder of known digests to a model hub: one commit, and nothing sent that is there already."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rustml.errors import EnvironmentFault, InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

TOKEN = "HF_TOKEN"  # noqa: S105  the name of the variable
HUB_OWN = frozenset({".gitattributes"})
"""Files that a hub puts into every repository itself."""
ERROR_CHARACTERS = 200


@dataclass(frozen=True)
class Target:
    """Where a folder goes."""

    repository: str
    """`OWNER/NAME`."""
    private: bool
    token: str = field(repr=False)


@dataclass(frozen=True)
class Upload:
    """A finished upload."""

    commit: str
    sent: tuple[str, ...]
    """Files that the hub did not have at its newest commit."""
    removed: tuple[str, ...]
    """Files of an earlier upload that the folder no longer has."""


def token() -> str:
    """The token in the environment. Raises EnvironmentFault where there is none."""
    value = os.environ.get(TOKEN, "").strip()
    if not value:
        raise EnvironmentFault(f"{TOKEN} is not set: put a token of the hub that may write into the environment")
    return value


def upload(folder: Path, digests: Mapping[str, str], target: Target, *, marker: str, message: str) -> Upload:
    """Make the repository, where it is missing, and give its main branch the files of `digests`, in one commit.

    `digests` maps relative paths to SHA-256 in hex. An upload that was cut off has committed nothing; contents that
    reached the hub's storage are not sent again. Files of an earlier upload are replaced;
    the file `marker` shows that there was one.
    Raises InputError where the repository holds anything else or is not as private as asked, EnvironmentFault where the
    hub refuses, does not answer, or ends up with other contents.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi  # noqa: PLC0415  takes a second

    with _hub_errors(target):
        api = HfApi(token=target.token)
        api.create_repo(target.repository, private=target.private, exist_ok=True)
        head = _head(api, target)
        before = _files(api, target)
        extra = tuple(sorted(before.keys() - digests.keys() - HUB_OWN))
        if extra and marker not in before:
            raise InputError(f"{target.repository} holds {extra[0]}, which no push put there: name another repository")
        changed = tuple(name for name in sorted(digests) if not _same(before.get(name), folder / name, digests[name]))
        if not changed and not extra:
            return Upload(head, (), ())
        additions = [CommitOperationAdd(name, folder / name) for name in changed]
        removals = [CommitOperationDelete(name) for name in extra]
        done = api.create_commit(
            target.repository, [*additions, *removals], commit_message=message, parent_commit=head or None
        )
        _verify(_files(api, target), folder, digests, target)
        return Upload(str(done.oid), changed, extra)


def _head(api: "HfApi", target: Target) -> str:
    """Newest commit; `create_repo` does not change the visibility of a repository that was there."""
    about = api.model_info(target.repository)
    if bool(about.private) != target.private:
        actual, flag = ("private", "false") if about.private else ("public", "true")
        raise InputError(f"{target.repository} is {actual}: give -P public={flag}, or name another repository")
    return about.sha or ""


def _files(api: "HfApi", target: Target) -> "dict[str, RepoFile]":
    """The files at the newest commit, by path."""
    entries = api.list_repo_tree(target.repository, recursive=True)
    return {entry.path: entry for entry in entries if hasattr(entry, "blob_id")}


def _same(entry: "RepoFile | None", path: Path, digest: str) -> bool:
    """Whether the hub has this content: large files are known by SHA-256, small ones by git's own hash."""
    from huggingface_hub.utils.sha import git_hash  # noqa: PLC0415  takes a second

    if entry is None or entry.size != path.stat().st_size:
        return False
    return bool(entry.lfs.sha256 == digest if entry.lfs else entry.blob_id == git_hash(path.read_bytes()))


def _verify(after: "Mapping[str, RepoFile]", folder: Path, digests: Mapping[str, str], target: Target) -> None:
    for name, digest in sorted(digests.items()):
        if not _same(after.get(name), folder / name, digest):
            raise EnvironmentFault(
                f"{target.repository} has another {name} than the folder after the upload: it was changed meanwhile, "
                "or the hub leaves it out. Push again"
            )


@contextmanager
def _hub_errors(target: Target) -> Iterator[None]:
    """One line for each error of the hub's client, without token, signed addresses and chained tracebacks."""
    from huggingface_hub.errors import HTTPError  # noqa: PLC0415  takes a second; of whichever client it uses

    try:
        yield
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        reason = f"{error} {error.__cause__ or ''}".replace(target.token, "***")
        text = re.sub(r"\?\S*", "", " ".join(reason.split()))[:ERROR_CHARACTERS].rstrip(" .")
        raise EnvironmentFault(
            f"{target.repository} cannot be pushed: {text}. Push again: it goes on where it stopped"
        ) from None
