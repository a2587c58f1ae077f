"""Registries that ask for a token: who gets it, and what is said where there is none."""

from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault
from tests.corpus.sources.conftest import Bring
from tests.support.loopback_registry import Registry, serving

TOKEN = "Bearer 0a1b2c3d"
ARCHIVE = "/dl/abc/1.0.0/download"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cargo's settings name the registry `team`, which holds one crate and asks for a token."""
    registry.add("abc", "1.0.0", b"archive")
    registry.token = TOKEN
    folder = tmp_path / "cargo"
    folder.mkdir()
    (folder / "config.toml").write_text(f'[registries.team]\nindex = "sparse+{registry.url}/index/"\n')
    monkeypatch.setenv("CARGO_HOME", str(folder))
    monkeypatch.setenv("CARGO_REGISTRIES_TEAM_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)


def carriers(registry: Registry) -> list[str]:
    """The paths that were asked for with a token."""
    return [request.path for request in registry.requests if "authorization" in request.headers]


@pytest.mark.parametrize("announces", [True, False], ids=["HTTP 401", "auth-required alone"])
def test_index_and_archives_get_the_token(announces: bool, registry: Registry, bring: Bring) -> None:
    registry.announces_login = announces
    crates, rejected = bring("abc", registry="team")
    assert len(crates) == 1
    assert not rejected
    assert "authorization" not in registry.requests[0].headers, "as with Cargo, it is asked for first"
    assert carriers(registry)[-2:] == ["/index/3/a/abc", ARCHIVE]


def test_a_registry_that_asks_for_none_gets_none(registry: Registry, bring: Bring) -> None:
    registry.token = ""
    crates, _ = bring("abc", registry="team")
    assert len(crates) == 1
    assert not carriers(registry)


def test_no_token_goes_to_another_host_after_a_redirect(registry: Registry, bring: Bring) -> None:
    with serving() as other:
        other.archives["/store/abc"] = b"archive"
        registry.redirects[ARCHIVE] = f"http://localhost:{other.port}/store/abc"
        crates, _ = bring("abc", registry="team")
        assert other.requests
        assert not carriers(other)
    assert crates[0].url == f"{registry.url}{ARCHIVE}", "the address as asked"
    assert ARCHIVE in carriers(registry)


def test_a_redirect_back_does_not_bring_the_token_with_it(registry: Registry, bring: Bring) -> None:
    registry.archives["/back"] = b"archive"
    with serving() as other:
        other.redirects["/there"] = f"{registry.url}/back"
        registry.redirects[ARCHIVE] = f"http://localhost:{other.port}/there"
        _, rejected = bring("abc", registry="team")
        assert not carriers(other)
    assert [(crate.name, crate.reason) for crate in rejected] == [("abc", "http_status")]


@pytest.mark.parametrize("token", ["", "Bearer wrong"])
def test_without_the_right_token_it_is_said_how_to_set_one(
    token: str, registry: Registry, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_REGISTRIES_TEAM_TOKEN", token)
    with pytest.raises(
        EnvironmentFault, match="CARGO_REGISTRIES_TEAM_TOKEN, or run `cargo login --registry team`"
    ) as it:
        bring("abc", registry="team")
    assert "Bearer" not in str(it.value)
    assert registry.count("/index/3") == 0


def test_an_address_has_no_token_of_its_own(bring: Bring) -> None:
    with pytest.raises(EnvironmentFault, match=r"asks for a login: name the registry in Cargo's configuration"):
        bring("abc")
