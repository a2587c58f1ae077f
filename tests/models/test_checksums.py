"""Checksums of a folder, which sha256sum reads too."""

import subprocess
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.models import checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gguf").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "gguf" / "m x.gguf").write_text("GGUF")
    checksums.write(tmp_path, checksums.of_folder(tmp_path))
    return tmp_path


def test_sha256sum_reads_them(folder: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", checksums.CHECKSUMS], cwd=folder, check=True)
    assert list(checksums.check(folder)) == ["config.json", "gguf/m x.gguf"]


def test_a_changed_a_missing_and_an_added_file_are_named(folder: Path) -> None:
    (folder / "config.json").write_text("{ }")
    with pytest.raises(InputError, match=r"config\.json is not the file"):
        checksums.check(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json is missing"):
        checksums.check(folder)
    (folder / "config.json").write_text("{}")
    (folder / "added.py").write_text("")
    with pytest.raises(InputError, match=r"added\.py does not belong"):
        checksums.check(folder)


@pytest.mark.parametrize("text", ["abc  config.json\n", "config.json", "\xff"])
def test_checksums_that_are_none_are_refused(folder: Path, text: str) -> None:
    (folder / checksums.CHECKSUMS).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"SHA256SUMS"):
        checksums.read(folder)
