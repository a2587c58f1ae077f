"""A harvest is taken over only while the crates that it unpacked are there."""

import shutil
from pathlib import Path

import pytest

from rustml.cache_layout import CacheLayout
from rustml.corpus.sources.crate import Crate, CrateRecord
from rustml.records import write_jsonl
from rustml.stages.harvest import STAGE, has_unpacked_crates


def record(kind: str, folder: Path) -> CrateRecord:
    crate = Crate(
        name="good",
        version="1.0.0",
        kind=kind,  # type: ignore[arg-type]
        location="elsewhere",
        registry="r",
        url="u",
        archive_sha256="ab" * 32,
    )
    return CrateRecord(crate=crate, licence="MIT", edition="2021", files=1, unpacked=str(folder))


@pytest.fixture
def cache(tmp_path: Path) -> CacheLayout:
    return CacheLayout(tmp_path / "cache")


def test_a_harvest_whose_unpacked_crates_were_deleted_is_not_reused(tmp_path: Path, cache: CacheLayout) -> None:
    folder = cache.unpacked_crates / ("ab" * 32) / "good-1.0.0"
    folder.mkdir(parents=True)
    write_jsonl(tmp_path / "crates.jsonl", [record("archive", folder)])
    assert STAGE.usable is has_unpacked_crates
    assert has_unpacked_crates(tmp_path, cache)
    shutil.rmtree(cache.root)
    assert not has_unpacked_crates(tmp_path, cache)


def test_crates_of_a_directory_source_need_no_cache(tmp_path: Path, cache: CacheLayout) -> None:
    write_jsonl(tmp_path / "crates.jsonl", [record("directory", tmp_path)])
    assert has_unpacked_crates(tmp_path, cache)
