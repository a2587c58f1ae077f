"""Files are there whole or not at all."""

from pathlib import Path

import pytest

from rustml.io import atomic_write, file_sha256, folder_digest, write_bytes, write_cache_entry


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_bytes(path, b"old")

    def fail_half_way() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    write_bytes(tmp_path / "abc", b"abc")
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_digest_follows_names_and_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        write_bytes(folder / "a" / "b", b"content")
    assert folder_digest(one) == folder_digest(two)
    (two / "a" / "b").rename(two / "a" / "c")
    assert folder_digest(one) != folder_digest(two)


def test_a_cache_entry_is_whole_or_absent(tmp_path: Path) -> None:
    write_cache_entry(tmp_path / "entry", b"first")
    write_cache_entry(tmp_path / "entry", b"second")
    assert (tmp_path / "entry").read_bytes() == b"second"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_cache_entry(tmp_path / "folder", b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry", "folder"]
