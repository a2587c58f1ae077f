"""An alias that a server follows, on a real registry: roll-back, evidence, tags, a registry that does not answer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import msgspec
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError
from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from rustml.release.served_alias import REFUSED, SMOKE, TAG_CHARACTERS, ServedAlias
from tests.support.stores import MODEL, Store, fresh_database, open_store

# MLflow's own store code meets a deprecation of SQLAlchemy 2.1.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")

FIRST, SECOND = "1", "2"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return fresh_database(tmp_path_factory.mktemp("template"))


@pytest.fixture
def store(
    tmp_path: Path, thresholds: Thresholds, template: bytes, evaluation: Callable[..., Evaluation]
) -> Iterator[Store]:
    """Versions 1 and 2, promoted to sft one after the other."""
    (tmp_path / "mlflow.db").write_bytes(template)
    store = open_store(tmp_path, msgspec.structs.replace(thresholds, rise=("rust.pass",), resamples=1000))

    def report(name: str, rust: int) -> str:
        scores = {"rust": [n < rust for n in range(200)], "python": [n < 400 for n in range(500)]}
        return store.evaluated(evaluation(store.digest(name), **scores))

    baseline = report("base", 20)
    for name, rust in (("sft", 100), ("sft-again", 170)):
        candidate = report(name, rust)
        store.promote(store.registered(name), "sft", candidate, baseline)
        baseline = candidate
    yield store
    mlflow.set_tracking_uri(None)


def alias_of(store: Store) -> ServedAlias:
    return ServedAlias(store.registry, store.ladder.step("sft"))


def tags_of(store: Store, number: str) -> dict[str, str]:
    return dict(store.client.get_model_version(MODEL, number).tags)


def silence(monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    def silent(*_: object, **__: object) -> None:
        raise MlflowException("connection refused")

    for method in methods:
        monkeypatch.setattr(MlflowClient, method, silent)


def test_an_alias_moved_back_rolls_back_to_a_version_that_came_through_the_gate(store: Store) -> None:
    alias = alias_of(store)
    assert alias.current() == SECOND
    store.client.set_registered_model_alias(MODEL, "sft", FIRST)
    assert alias.current() == FIRST
    verified = alias.verified(FIRST, store.thresholds)
    assert verified.version == FIRST
    assert (verified.folder / "model.safetensors").read_bytes() == b"weights of sft"
    with pytest.raises(EvidenceError, match="moved by hand"):  # a server that does not watch refuses it
        store.check(FIRST, "sft", thresholds=store.thresholds)


def test_an_alias_moved_to_a_version_without_a_gate_is_not_served(store: Store) -> None:
    number = store.registered("smuggled")
    store.client.set_registered_model_alias(MODEL, "sft", number)
    assert alias_of(store).current() == number
    with pytest.raises(EvidenceError):
        alias_of(store).verified(number, store.thresholds)


def test_a_version_whose_weights_changed_is_not_served(store: Store) -> None:
    shards = store.folder.glob("artifacts/**/model.safetensors")
    (shard,) = (place for place in shards if place.read_bytes() == b"weights of sft-again")
    shard.write_bytes(b"other weights")
    with pytest.raises(EvidenceError):
        alias_of(store).verified(SECOND, store.thresholds)


def test_a_deleted_alias_points_at_nothing(store: Store) -> None:
    store.client.delete_registered_model_alias(MODEL, "sft")
    assert alias_of(store).current() == ""


def test_a_refusal_is_tagged_in_short_and_taken_back_once_the_version_is_served(store: Store) -> None:
    alias = alias_of(store)
    alias.refused(FIRST, "x" * (TAG_CHARACTERS + 500))
    assert tags_of(store, FIRST)[REFUSED] == "x" * TAG_CHARACTERS
    assert REFUSED not in tags_of(store, SECOND)
    alias.served(FIRST, "7 of 8")
    assert tags_of(store, FIRST)[SMOKE] == "7 of 8"
    assert REFUSED not in tags_of(store, FIRST)


def test_tags_of_serving_leave_the_evidence_whole(store: Store) -> None:
    alias = alias_of(store)
    alias.refused(SECOND, "too few answers pass")
    alias.served(SECOND, "8 of 8")
    assert alias.verified(SECOND, store.thresholds).version == SECOND


def test_a_registry_that_does_not_answer_stops_no_server(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    alias = alias_of(store)
    silence(monkeypatch, "get_registered_model", "get_model_version", "set_model_version_tag")
    assert alias.current() == ""
    alias.refused(SECOND, "reason")
    alias.served(SECOND, "8 of 8")


def test_an_account_that_may_not_write_stops_no_server(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    silence(monkeypatch, "set_model_version_tag", "delete_model_version_tag")
    alias_of(store).served(SECOND, "8 of 8")
    assert SMOKE not in tags_of(store, SECOND)
