"""Proxy, certificates and timeout as Cargo is told them."""

import os
import subprocess
from pathlib import Path

import pytest

from rustml.cargo.network import HttpSettings, http_settings
from rustml.errors import InputError
from tests.cargo.conftest import Settings


def test_nothing_is_set(settings: Settings) -> None:
    assert http_settings(settings()) == HttpSettings()


def test_files_and_variables(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "user" / "ca.pem").write_text("")
    made = settings("[http]\nproxy = 'proxy:3128'\ncainfo = 'ca.pem'\ntimeout = 7", NO_PROXY="localhost, .corp,::1")
    found = http_settings(made)
    assert found.proxy == "http://proxy:3128"
    assert found.cainfo == tmp_path / "user" / "ca.pem"
    assert found.timeout == 7.0
    assert found.direct == ("localhost", "corp", "::1")
    assert http_settings(settings("[http]\nproxy = 'a:1'", CARGO_HTTP_PROXY="https://b:2")).proxy == "https://b:2"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("host", "http://host:1080"),
        ("http://host:8080/", "http://host:8080"),
        ("me:pass@host:1", "http://me:pass@host:1"),
    ],
)
def test_the_forms_of_a_proxy(text: str, address: str, settings: Settings) -> None:
    found = http_settings(settings(CARGO_HTTP_PROXY=text))
    assert found.proxy == address
    assert "pass" not in repr(found)


def test_the_proxy_of_git_is_read_after_cargos_own(settings: Settings, home: Path) -> None:
    variables = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": str(home.parent / ".gitconfig")}
    subprocess.run(["git", "config", "--global", "http.proxy", "git:1"], check=True, env=variables)
    assert http_settings(settings(**variables)).proxy == "http://git:1"
    assert http_settings(settings(CARGO_HTTP_PROXY="own:1", **variables)).proxy == "http://own:1"
    assert http_settings(settings("[http]\nproxy = ''", **variables)).proxy == ""


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"CARGO_HTTP_PROXY": "socks5://me:secret@host:1"}, "CARGO_HTTP_PROXY: not the address of an HTTP proxy"),
        ({"CARGO_HTTP_PROXY": "http://host:notaport"}, "CARGO_HTTP_PROXY: not the address"),
        ({"CARGO_HTTP_CAINFO": "none.pem"}, r"CARGO_HTTP_CAINFO: there is no file .*none\.pem"),
        ({"CARGO_HTTP_TIMEOUT": "soon"}, "CARGO_HTTP_TIMEOUT: a number of seconds"),
        ({"CARGO_HTTP_TIMEOUT": "0"}, "CARGO_HTTP_TIMEOUT: a number of seconds"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_quoted(
    variables: dict[str, str], message: str, settings: Settings
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        http_settings(settings(**variables))
    assert "secret" not in str(caught.value)
