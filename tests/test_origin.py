"""Encoded places of an origin: what is written is read back."""

from pathlib import Path

import pytest

from rustml.origin import (
    commit_url,
    crate_folder,
    directory_of,
    directory_registry,
    folder_of,
    folder_url,
    index_url,
    sparse_registry,
)
from rustml.records import Origin


@pytest.mark.parametrize("name", ["vendor", "with space", "per%cent", "ümlaut", "a#b?c"])
def test_folders_are_read_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    assert directory_of(directory_registry(folder)) == folder
    assert folder_of(folder_url(folder)) == folder


def test_a_registry_is_not_taken_for_a_folder() -> None:
    registry = sparse_registry("https://index.crates.io/")
    assert registry == sparse_registry(registry) == "sparse+https://index.crates.io/"
    assert index_url(registry) == "https://index.crates.io"
    assert directory_of(registry) is None
    assert folder_of("https://static.crates.io/a.crate") is None
    assert folder_of(commit_url(Path("/team"), "abc")) is None


def test_a_crates_source_is_its_own_folder_or_the_unpacked_archive(tmp_path: Path) -> None:
    vendored, unpacked = tmp_path / "vendor" / "a", tmp_path / "sources" / "ff" / "a-1.0.0"
    origin = Origin(kind="crate", name="a", licence="MIT", version="1.0.0", archive_sha256="ff")
    local = Origin(kind="crate", name="a", licence="MIT", version="1.0.0", url=folder_url(vendored))
    assert crate_folder(origin, tmp_path / "sources") is None
    for folder in (vendored, unpacked):
        folder.mkdir(parents=True)
        (folder / "Cargo.toml").write_text("")
    assert crate_folder(origin, tmp_path / "sources") == unpacked
    assert crate_folder(local, tmp_path / "sources") == vendored
    repository = Origin(kind="git", name="a", licence="MIT", url=folder_url(vendored))
    assert crate_folder(repository, tmp_path / "sources") is None
