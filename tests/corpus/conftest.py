"""Crates made on the spot, and the tiny profile's sections to vary."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from rustml.profile import load
from rustml.profile.curate import CurateSection
from rustml.profile.harvest import HarvestSection
from tests.support.crate_archives import SOURCE, manifest, pack


@pytest.fixture
def make_archive() -> Callable[..., bytes]:
    """`make_archive(name, version, licence, files)`: an honest archive with a manifest and one source file."""

    def make(name: str, version: str = "1.0.0", licence: str | None = "MIT", **more: bytes | str) -> bytes:
        files: dict[str, bytes | str] = {"Cargo.toml": manifest(name, version, licence)}
        files["src/lib.rs"] = SOURCE.format(name=name.replace("-", "_"), step=len(name))
        return pack(f"{name}-{version}", files | more)

    return make


@pytest.fixture
def directory_source(tmp_path: Path) -> Callable[..., Path]:
    """`directory_source({"name": {...files}})`: a Cargo directory source; returns its folder."""

    def make(crates: Mapping[str, Mapping[str, bytes | str]], checksums: bool = True) -> Path:
        root = tmp_path / "registry"
        for folder, files in crates.items():
            sums = {}
            for path, content in files.items():
                data = content.encode() if isinstance(content, str) else content
                place = root / folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
                sums[path] = hashlib.sha256(data).hexdigest()
            text = json.dumps({"package": "ab" * 32, "files": sums if checksums else {}})
            (root / folder / ".cargo-checksum.json").write_text(text)
        return root

    return make


@pytest.fixture
def harvest_section() -> Callable[..., HarvestSection]:
    """The tiny profile's section with changes."""

    def make(**changes: object) -> HarvestSection:
        section = load("tiny").harvest
        quick: dict[str, object] = {
            "registry": "",
            "directory": "",
            "min_crates": 1,
            "backoff_seconds": 0.01,
            "interval_seconds": 0.0,
        }
        return msgspec.structs.replace(section, **(quick | changes))

    return make


@pytest.fixture
def curate_section() -> CurateSection:
    """The tiny profile's section."""
    return load("tiny").curate
