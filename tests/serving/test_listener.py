"""The address: taken early, named when it cannot be had, and never open to others without a key."""

import socket

import msgspec
import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.profile import load
from rustml.serving import listener

SECTION = load("tiny").serve


def section(**changes: object) -> listener.ServeSection:
    return msgspec.structs.replace(SECTION, **changes)


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=rf"127\.0\.0\.1:{port} .*serve\.port"):
            listener.listen(section(port=port))


def test_a_bound_port_is_ours_and_accepts_nobody_yet() -> None:
    with listener.listen(SECTION) as bound:
        address = bound.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        bound.listen()
        with pytest.raises(EnvironmentFault):
            listener.listen(section(port=address[1]))
        assert listener.url(bound, SECTION) == f"http://127.0.0.1:{address[1]}/v1"


def test_an_address_of_six_bytes_pairs_is_written_as_a_url() -> None:
    with listener.listen(section(host="::1")) as bound:
        assert listener.url(bound, section(host="::1")) == f"http://[::1]:{bound.getsockname()[1]}/v1"


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_a_fault(host: str) -> None:
    with pytest.raises(EnvironmentFault, match=host):
        listener.listen(section(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "localhost.example.org", "127.0.0.1.example.org", ""])
def test_an_address_that_others_reach_needs_a_key(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECTION.key_variable, raising=False)
    with pytest.raises(InputError, match=rf"serve\.host.*{SECTION.key_variable}"):
        listener.access_key(section(host=host))
    monkeypatch.setenv(SECTION.key_variable, "a-key-of-twenty-letters")
    assert listener.access_key(section(host=host)) == "a-key-of-twenty-letters"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_on_loopback_a_key_is_asked_for_where_there_is_one(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECTION.key_variable, raising=False)
    assert listener.access_key(section(host=host)) == ""
    monkeypatch.setenv(SECTION.key_variable, "a-key-of-twenty-letters")
    assert listener.access_key(section(host=host)) == "a-key-of-twenty-letters"


@pytest.mark.parametrize("key", ["short", "two words that are long", "ключ-из-двадцати-букв", "a" * 15])
def test_a_weak_or_odd_key_is_refused_and_not_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECTION.key_variable, key)
    with pytest.raises(InputError, match=SECTION.key_variable) as error:
        listener.access_key(SECTION)
    assert key not in str(error.value)
    monkeypatch.setenv(SECTION.webhook_variable, key)
    with pytest.raises(InputError, match=SECTION.webhook_variable):
        listener.webhook_secret(SECTION)
