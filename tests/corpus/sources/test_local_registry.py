"""Archives of a local registry, each checked against its index."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rustml.cargo import LocalRegistry
from rustml.corpus.sources.crate import CrateRequest
from rustml.corpus.sources.local_registry import obtain
from rustml.corpus.sources.registry import archive_path, index_path
from rustml.errors import EnvironmentFault
from rustml.origin import folder_of
from rustml.profile.harvest import HarvestSection

PUBLIC = "sparse+https://index.crates.io/"


def add(folder: Path, name: str, data: bytes, cksum: str = "") -> None:
    place = folder / "index" / index_path(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    line = {"name": name, "vers": "1.0.0", "cksum": cksum or hashlib.sha256(data).hexdigest(), "yanked": False}
    place.write_text(json.dumps(line) + "\n")
    (folder / f"{name}-1.0.0.crate").write_bytes(data)


def test_each_archive_is_verified_and_lies_in_the_cache(
    tmp_path: Path, harvest_section: Callable[..., HarvestSection]
) -> None:
    folder, cache = tmp_path / "local", tmp_path / "cache"
    add(folder, "good", b"archive")
    add(folder, "evil", b"other", cksum="0" * 64)
    add(folder, "gone", b"x")
    (folder / "gone-1.0.0.crate").unlink()
    requests = [CrateRequest(name=name) for name in ("good", "evil", "gone", "absent")]
    crates, rejected = obtain(harvest_section(), LocalRegistry(folder, PUBLIC), requests, cache)
    (crate,) = crates
    assert Path(crate.location) == archive_path(cache, crate.archive_sha256).resolve()
    assert Path(crate.location).read_bytes() == b"archive"
    assert crate.registry == PUBLIC
    assert crate.url == f"local-registry+{(folder / 'good-1.0.0.crate').as_uri()}"
    assert folder_of(crate.url) is None
    reasons = [(crate.name, crate.reason) for crate in rejected]
    assert reasons == [("evil", "checksum"), ("gone", "archive_missing"), ("absent", "not_found")]


def test_a_folder_without_an_index_is_a_fault(tmp_path: Path, harvest_section: Callable[..., HarvestSection]) -> None:
    with pytest.raises(EnvironmentFault, match="not a local registry"):
        obtain(harvest_section(), LocalRegistry(tmp_path, PUBLIC), [CrateRequest(name="a")], tmp_path / "cache")
