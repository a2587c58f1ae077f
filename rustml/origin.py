"""Encoded places of an `Origin`, written by harvest and read where code is judged inside its crate.

Each form has its encoder and its decoder here, side by side. `Origin.registry` is `directory+FOLDER` for a crate of a
Cargo directory source and `sparse+URL` for one of a registry, which a mirror may have served; `Origin.url` is a `file:`
URL for a crate that lies unpacked on this machine, `local-registry+file:` for an archive of a local registry, and
otherwise the address of the download as it was asked, before redirects.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from rustml.records import Origin

DIRECTORY = "directory+"
SPARSE = "sparse+"
LOCAL = "local-registry+"
MANIFEST = "Cargo.toml"


def directory_registry(folder: Path | str) -> str:
    """The `registry` of a crate from the Cargo directory source `folder`."""
    return f"{DIRECTORY}{folder}"


def directory_of(registry: str) -> Path | None:
    """The folder that `directory_registry` encoded; None for any other kind of registry."""
    return Path(registry.removeprefix(DIRECTORY)) if registry.startswith(DIRECTORY) else None


def sparse_registry(index: str) -> str:
    """The `registry` of a crate from a sparse registry, whose index may be given with or without the prefix."""
    return f"{SPARSE}{index_url(index)}/"


def index_url(registry: str) -> str:
    """The address of a sparse registry's index, without the prefix and without a slash at its end."""
    return registry.removeprefix(SPARSE).rstrip("/")


def folder_url(folder: Path) -> str:
    """The `url` of a crate that lies unpacked in `folder`: an absolute `file:` URL."""
    return folder.resolve().as_uri()


def local_archive_url(archive: Path) -> str:
    """The `url` of a crate whose archive lies in a local registry; `folder_of` knows no folder for it."""
    return f"{LOCAL}{archive.resolve().as_uri()}"


def commit_url(repository: Path, commit: str) -> str:
    """The `url` of a file of a repository at a commit, which may differ from the file in its working tree."""
    return f"{folder_url(repository)}#{commit}"


def folder_of(url: str) -> Path | None:
    """The folder that `folder_url` encoded; None for any other URL, one of `commit_url` included."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" and not parts.fragment else None


def hub_url(name: str) -> str:
    """The address of a data set of the Hugging Face hub."""
    return f"https://huggingface.co/datasets/{name}"


def archive_folder(unpacked: Path, archive_sha256: str) -> Path:
    """The folder, below the cache `unpacked`, into which an archive is unpacked: one per checksum."""
    return unpacked / archive_sha256


def crate_folder(origin: Origin, unpacked: Path) -> Path | None:
    """The crate's full source: its folder in a directory source, or the one that harvest unpacked.

    None when the text does not come from a crate, or when the crate's source is not on this machine.
    """
    if origin.kind != "crate":
        return None
    folder = folder_of(origin.url)
    if folder is None:
        folder = archive_folder(unpacked, origin.archive_sha256) / f"{origin.name}-{origin.version}"
    return folder if (folder / MANIFEST).is_file() else None
