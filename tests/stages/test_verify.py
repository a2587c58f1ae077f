"""A store that was lost and restored from its back-up holds, down to the digests; one that was not, does not."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from entrypoints.verify import main
from rustml.errors import EvidenceError, InputError
from rustml.evaluation.results import report_file
from rustml.profile import Profile, load
from rustml.release.registry import REPORT
from rustml.stages import verify
from tests.support.stores import Store, open_store, tracking_store, with_easy_gate


@pytest.fixture
def profile() -> Profile:
    return with_easy_gate(load("tiny"))


@pytest.fixture
def store(tmp_path: Path, profile: Profile, empty_database: bytes) -> Iterator[Store]:
    """Version 1 came through the gate of `sft`; version 2 came through none."""
    folder = tmp_path / "store"
    folder.mkdir()
    with tracking_store(folder, empty_database):
        opened = open_store(folder, profile.gates["sft"])
        opened.gated_shards()
        opened.registered_shards()
        yield opened


def back_up(store: Path, to: Path) -> None:
    """As docs/operations.md says: first the database, by SQLite's own copy, then the artifacts."""
    to.mkdir()
    with closing(sqlite3.connect(store / "mlflow.db")) as live, closing(sqlite3.connect(to / "mlflow.db")) as copy:
        live.backup(copy)
    shutil.copytree(store / "artifacts", to / "artifacts")


def restore(back: Path, store: Path) -> None:
    """The database in its place, since this process holds it open."""
    shutil.rmtree(store / "artifacts")
    with closing(sqlite3.connect(back / "mlflow.db")) as copy, closing(sqlite3.connect(store / "mlflow.db")) as live:
        copy.backup(live)
    shutil.copytree(back / "artifacts", store / "artifacts")


def report_of(store: Store) -> Path:
    run = store.registry.version("1").tags["gate.sft.candidate_evaluation"]
    return store.folder / "artifacts" / run / "artifacts" / REPORT


def other_weights(store: Store) -> None:
    path = next(store.files("1").glob("*-of-00002.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def no_weights(store: Store) -> None:
    shutil.rmtree(store.files("1"))


def other_report(store: Store) -> None:
    msgspec.structs.replace(report_file.load(report_of(store)), model="another").save(report_of(store))


def no_report(store: Store) -> None:
    report_of(store).unlink()


def other_tag(store: Store) -> None:
    store.client.set_model_version_tag("rust-coder", "1", "weights_digest", "0" * 64)


@pytest.mark.parametrize("damage", [other_weights, no_weights, other_report, no_report, other_tag])
def test_what_was_lost_is_named_and_a_back_up_brings_it_back(
    damage: Callable[[Store], None], store: Store, profile: Profile, tmp_path: Path
) -> None:
    before = verify.run(profile)
    assert [(version.number, version.gates) for version in before] == [("1", ("sft",)), ("2", ())]
    back_up(store.folder, tmp_path / "back-up")
    damage(store)
    with pytest.raises(EvidenceError, match=r"1 of 2 versions do not hold \(1\)"):
        verify.run(profile)
    restore(tmp_path / "back-up", store.folder)
    assert verify.run(profile) == before
    assert store.registry.holder("sft") == "1"


def test_an_empty_store_is_said(tmp_path: Path, empty_database: bytes) -> None:
    with tracking_store(tmp_path, empty_database):
        with pytest.raises(InputError, match="no version of rust-coder"):
            verify.run(load("tiny"))
        assert CliRunner().invoke(main, []).exit_code == InputError.exit_code
