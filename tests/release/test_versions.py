"""From what a user names as a model to its files; registered once, and never half."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault, EvidenceError, InputError
from rustml.models import checkpoint as checkpoints
from rustml.models import manifest
from rustml.models.checkpoint import Base, Manifest
from rustml.profile import load
from rustml.release import registry, versions
from rustml.runs import tracking
from tests.support.stores import MODEL, Store, open_store, tracking_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_database: bytes) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("versions")
    with tracking_store(folder, empty_database):
        yield open_store(folder, load("tiny").gates["sft"])


def trained(store: Store, name: str, *, complete: bool = True) -> str:
    """A run with a checkpoint in its output, as a training stage leaves it."""
    run = store.run()
    store.client.log_artifacts(run, str(store.weights(name)), "output/model")
    if complete:
        store.client.set_tag(run, tracking.OUTPUT, f"digest of {name}")
    return run


def adapter_on(store: Store, base_name: str, base_digest: str, name: str) -> str:
    """A finished run with an adapter on a base that it knows by run or version."""
    folder = store.folder / name
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(f"low-rank weights of {name}".encode())
    (folder / "adapter_config.json").write_text('{"r": 4, "base_model_name_or_path": "elsewhere"}')
    manifest.write(folder, Manifest(kind="adapter", base=Base(name=base_name, digest=base_digest)))
    run = store.run()
    store.client.log_artifacts(run, str(folder), "output/model")
    store.client.set_tag(run, tracking.OUTPUT, f"digest of {name}")
    return run


def test_an_adapter_meets_its_base_by_run_and_by_version(store: Store) -> None:
    base = trained(store, "root")
    first = adapter_on(store, base, store.digest("root"), "first")
    held = versions.checkpoint(first, MODEL)
    assert checkpoints.read(held.folder).base == Base(
        name=str(tracking.output(base) / versions.MODEL), digest=store.digest("root")
    )
    version = versions.ensure(MODEL, first)
    second = adapter_on(store, f"models:/{MODEL}/{version}", held.digest, "second")
    on_version = versions.checkpoint(versions.ensure(MODEL, second), MODEL)
    described = checkpoints.read(on_version.folder).base
    assert described is not None
    below = checkpoints.read(Path(described.name)).base
    assert below is not None
    assert below.name == str(tracking.output(base) / versions.MODEL), "bases of bases are folders too"
    assert on_version.digest == store.registry.version(versions.ensure(MODEL, second)).tags[registry.WEIGHTS_TAG]


def test_a_full_checkpoint_is_used_where_it_lies(store: Store) -> None:
    run = trained(store, "plain")
    assert versions.checkpoint(run, MODEL).folder == tracking.output(run) / versions.MODEL


def test_an_adapter_whose_base_is_gone_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="there is no run"):
        versions.checkpoint(adapter_on(store, "0" * 32, "0" * 64, "lost"), MODEL)


def test_a_version_is_registered_once_a_run(store: Store) -> None:
    run = trained(store, "once")
    version = versions.ensure(MODEL, run)
    assert versions.ensure(MODEL, run) == version
    made = store.registry.version(version)
    assert made.tags[registry.WEIGHTS_TAG] == store.digest("once")
    assert made.run_id == run
    page = store.client.get_run(run).data.tags["mlflow.note.content"]
    assert page.startswith(f"Registered as [version {version}](#/models/{MODEL}/versions/{version})")
    assert page.count("Registered as") == 1


def test_a_version_knows_its_parent(store: Store) -> None:
    version = versions.ensure(MODEL, trained(store, "child"), parent="1")
    assert store.registry.version(version).tags[registry.PARENT_TAG] == "1"


def test_a_half_written_checkpoint_is_not_registered(store: Store) -> None:
    run = trained(store, "half", complete=False)
    with pytest.raises(InputError, match=f"run {run} did not finish"):
        versions.ensure("never-made", run)
    with pytest.raises(mlflow.exceptions.MlflowException):
        store.client.get_registered_model("never-made")


def test_one_model_is_found_by_run_number_uri_and_folder(store: Store) -> None:
    run = trained(store, "found")
    version = versions.ensure(MODEL, run)
    names = (run, version, f"models:/{MODEL}/{version}", str(store.weights("found")))
    found = [versions.checkpoint(name, MODEL) for name in names]
    assert [checkpoint.name for checkpoint in found] == [names[0], names[2], names[2], names[3]]
    assert {checkpoint.digest for checkpoint in found} == {store.digest("found")}
    assert all(checkpoints.digest(checkpoint.folder) == checkpoint.digest for checkpoint in found)


@pytest.mark.parametrize("name", [f"models:/{MODEL}@champion", f"models:/{MODEL}/latest", f"models:/{MODEL}"])
def test_a_name_that_may_mean_another_model_tomorrow_is_refused(name: str, store: Store) -> None:
    assert store
    with pytest.raises(InputError, match=f"use models:/{MODEL}/NUMBER"):
        versions.checkpoint(name, MODEL)


@pytest.mark.parametrize("name", ["999", f"models:/{MODEL}/999"])
def test_a_version_that_is_not_there_is_named(name: str, store: Store) -> None:
    assert store
    with pytest.raises(InputError, match=f"no version 999 of {MODEL}"):
        versions.checkpoint(name, MODEL)


def test_a_run_that_is_not_there_is_named(store: Store) -> None:
    assert store
    with pytest.raises(InputError, match="no run 0123456789abcdef"):
        versions.checkpoint("0123456789abcdef0123456789abcdef", MODEL)


def test_files_that_are_gone_are_evidence_that_is_missing(store: Store) -> None:
    version = versions.ensure(MODEL, trained(store, "gone"))
    folder = store.files(version)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(EvidenceError, match=f"{MODEL} version {version}"):
        versions.checkpoint(version, MODEL)


@given(st.integers(min_value=1, max_value=10**9))
def test_a_number_and_its_uri_are_the_same_version(number: int) -> None:
    uri = f"models:/{MODEL}/{number}"
    assert versions.version_number(str(number), MODEL) == versions.version_number(uri, MODEL) == str(number)


@given(st.text().filter(lambda text: not text.isdigit()))
def test_whatever_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="give its number"):
        versions.version_number(text, MODEL)
    with pytest.raises(InputError, match="give its number"):
        versions.version_number(f"models:/another/{text}", MODEL)


def test_aliases_that_the_registry_does_not_say_are_not_taken_for_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.Registry(store.client, "nothing-registered").aliases() == {}
    number = store.registered("asked")
    assert store.registry.version(number).made_by == "sft"

    def silent(*_: object) -> None:
        raise MlflowException("connection refused")

    monkeypatch.setattr(MlflowClient, "get_registered_model", silent)
    with pytest.raises(EnvironmentFault, match=r"the tracking store sqlite:.* failed \(connection refused\)"):
        store.registry.aliases()
    monkeypatch.setattr(MlflowClient, "get_run", silent)
    with pytest.raises(EnvironmentFault, match="connection refused"):
        _ = store.registry.version(number).made_by
    with pytest.raises(EnvironmentFault, match="connection refused"):
        tracking.output("0123456789abcdef")
