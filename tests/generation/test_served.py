"""What a model behind a server is known by: never a secret, never taken for weights."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import EnvironmentFault, InputError
from rustml.generation import served
from rustml.profile import load
from rustml.profile.evaluation import ServerSection
from tests.support.openai_server import KEY, VARIABLE, Api, Play

EMPTY = msgspec.structs.replace(load("tiny").evaluation.server, key_variable=VARIABLE, retries=1, timeout_seconds=10.0)


def listing(*models: dict[str, Any]) -> tuple[int, str]:
    return 200, json.dumps({"object": "list", "data": [{"object": "model", **model} for model in models]})


def section(api: Api, model: str = "coder-1") -> ServerSection:
    return served.section_of(f"openai:{model}@{api.url}", EMPTY)


@pytest.fixture
def api(serve: Callable[[Play], Api]) -> Api:
    return serve(lambda _n, _body: (500, "{}"))


def test_the_identity_covers_what_the_server_says_and_no_times(api: Api) -> None:
    api.models = listing({"id": "coder-1", "created": 1, "owned_by": "us", "root": "/w/a", "permission": [KEY]})
    before = served.look_up(section(api))
    assert before.description == {"id": "coder-1", "owned_by": "us", "root": "/w/a"}
    api.models = listing({"id": "coder-1", "created": 2, "owned_by": "us", "root": "/w/a"})
    assert served.look_up(section(api)).digest == before.digest
    api.models = listing({"id": "coder-1", "created": 2, "owned_by": "us", "root": "/w/b"})
    assert served.look_up(section(api)).digest != before.digest
    assert served.is_served(before.digest)
    assert not served.is_served("ab" * 32)
    assert api.keys == [f"Bearer {KEY}"] * 3
    assert KEY not in msgspec.json.encode(before).decode()


def test_a_server_without_a_list_is_known_by_address_and_name(api: Api) -> None:
    listed = served.look_up(section(api))
    assert listed.description == {}
    assert listed.uri == f"openai:coder-1@{api.url}"
    assert listed.digest != served.look_up(section(api, "coder-2")).digest


def test_a_name_that_the_server_lacks_is_refused_with_those_it_has(api: Api) -> None:
    api.models = listing({"id": "coder-1"}, {"id": "coder-2"})
    with pytest.raises(InputError, match="has no model coder-3; it lists coder-1, coder-2"):
        served.look_up(section(api, "coder-3"))


@pytest.mark.parametrize(("status", "kind"), [(401, InputError), (500, EnvironmentFault)])
def test_a_refused_key_and_a_silent_server_are_told_apart(api: Api, status: int, kind: type[Exception]) -> None:
    api.models = (status, f"your key {KEY}")
    with pytest.raises(kind) as raised:
        served.look_up(section(api))
    assert KEY not in str(raised.value)


def test_a_name_may_hold_slashes_and_at_signs() -> None:
    given = served.section_of("openai:org/coder@v2@http://127.0.0.1:1/v1", EMPTY)
    assert (given.model, given.base_url) == ("org/coder@v2", "http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    "model",
    [
        "openai:",
        "openai:coder",
        "openai:coder@",
        "openai:@http://host/v1",
        "openai:coder@host/v1",
        "openai:coder@ftp://host/v1",
        "openai:coder@https://user:pass-word@host/v1",
        "openai:coder@https://host/v1?key=pass-word",
        "openai:coder@https://host/v1#pass-word",
    ],
)
def test_another_form_is_refused_and_not_repeated(model: str) -> None:
    with pytest.raises(InputError, match="openai:NAME@URL") as raised:
        served.section_of(model, EMPTY)
    assert "pass-word" not in str(raised.value)


@given(st.text(), st.text())
def test_no_user_or_password_ever_passes(user: str, password: str) -> None:
    try:
        taken = served.section_of(f"openai:coder@https://{user}:{password}@host/v1", EMPTY)
    except InputError:
        return
    raise AssertionError(taken)


def test_the_profiles_own_server_has_to_be_stated() -> None:
    with pytest.raises(InputError, match=r"evaluation\.server: state base_url and model"):
        served.section_of("openai", EMPTY)
    stated = msgspec.structs.replace(EMPTY, base_url="http://127.0.0.1:1/v1", model="m")
    assert served.section_of("openai", stated) is stated
    assert served.names_server("openai:x@http://h")
    assert served.names_server("openai")
    assert not served.names_server("openai/gpt@" + "0" * 40)
