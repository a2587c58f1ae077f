"""What `serve` checks before an engine starts: the files of the version are those that came through the gate."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault, EvidenceError, InputError
from rustml.profile import Profile, load
from rustml.stages import serve, served_versions
from tests.support.bench_store import bank_run
from tests.support.stores import Store, open_store, tracking_store, with_easy_gate


@pytest.fixture
def profile() -> Profile:
    return with_easy_gate(load("tiny"))


@pytest.fixture
def store(tmp_path: Path, profile: Profile, empty_database: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Version 1, in two shards, came through the gate of `sft`. An engine that starts says so and ends."""

    def started(*_: object) -> None:
        raise EnvironmentFault("an engine was started")

    with tracking_store(tmp_path, empty_database):
        opened = open_store(tmp_path, profile.gates["sft"])
        bank_run(profile, monkeypatch)
        monkeypatch.setattr(served_versions, "serving", started)
        opened.gated_shards()
        yield opened


def one_bit(shard: Path) -> None:
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def cut_off(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-5])


def gone(shard: Path) -> None:
    shard.unlink()


def test_a_version_whose_files_are_whole_is_started(store: Store, profile: Profile) -> None:
    assert store.registry.holder("sft") == "1"
    with pytest.raises(EnvironmentFault, match="an engine was started"):
        serve.run(profile, model="sft")


@pytest.mark.parametrize("damage", [one_bit, cut_off, gone])
def test_a_damaged_shard_is_refused_before_an_engine_starts(
    damage: Callable[[Path], None], store: Store, profile: Profile
) -> None:
    damage(store.files("1") / "model-00002-of-00002.safetensors")
    with pytest.raises(EvidenceError, match="its weights changed after the evaluation"):
        serve.run(profile, model="sft")


def test_an_alias_without_a_version_is_said(profile: Profile, tmp_path: Path, empty_database: bytes) -> None:
    with (
        tracking_store(tmp_path, empty_database),
        pytest.raises(InputError, match="no version of rust-coder is champion"),
    ):
        serve.run(profile, model="champion")
