"""An alias that a server follows, on a real registry: roll-back, evidence, tags, a registry that does not answer."""

from collections.abc import Callable

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError
from rustml.release.served_alias import REFUSED, SMOKE, TAG_CHARACTERS, ServedAlias
from tests.support.stores import MODEL, Store

FIRST, SECOND = "1", "2"


@pytest.fixture
def store(store: Store, report: Callable[..., str]) -> Store:
    """Versions 1 and 2, promoted to sft one after the other."""
    baseline = report("base", 20)
    for name, rust in (("sft", 100), ("sft-again", 170)):
        candidate = report(name, rust)
        store.promote(store.registered(name), "sft", candidate, baseline)
        baseline = candidate
    return store


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


def test_a_registry_that_does_not_answer_stops_no_server(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alias = alias_of(store)
    silence(monkeypatch, "get_registered_model", "get_model_version", "set_model_version_tag")
    assert alias.current() == ""
    alias.refused(SECOND, "reason")
    alias.served(SECOND, "8 of 8")
    assert caplog.messages == [
        f"version 2 does not get its tag {tag}: connection refused" for tag in ("serve.refused", "serve.smoke")
    ]


def test_an_account_that_may_not_write_stops_no_server_and_is_told_of(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    silence(monkeypatch, "set_model_version_tag", "delete_model_version_tag")
    alias_of(store).served(SECOND, "8 of 8")
    assert SMOKE not in tags_of(store, SECOND)
    assert caplog.messages == ["version 2 does not get its tag serve.smoke: connection refused"]


def test_a_version_that_is_gone_is_told_of(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    alias_of(store).refused("99", "reason")
    (message,) = caplog.messages
    assert message.startswith("version 99 does not get its tag serve.refused: ")
