"""The network as Cargo's settings describe it."""

from pathlib import Path

import pytest

from rustml.corpus.sources.pace import Unavailable
from rustml.errors import InputError
from tests.corpus.sources.conftest import Bring
from tests.support.loopback_registry import Registry


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cargo's settings, with a registry that only a proxy could reach."""
    path = tmp_path / "user" / ".cargo" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[registries.team]\nindex = "sparse+http://team.example/index/"\n')
    monkeypatch.setenv("CARGO_HOME", str(path.parent))
    monkeypatch.chdir(path.parent)
    return path


@pytest.mark.parametrize("excepted", ["", "127.0.0.1,::1,.example.org"])
def test_a_registry_is_reached_through_the_proxy(
    excepted: str, registry: Registry, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_HTTP_PROXY", f"127.0.0.1:{registry.port}")
    monkeypatch.setenv("NO_PROXY", excepted)
    with pytest.raises(Unavailable, match=r"http://team\.example/index/config\.json answers HTTP 404"):
        bring("abc", registry="team")
    assert [request.path for request in registry.requests] == ["http://team.example/index/config.json"]


@pytest.mark.parametrize("excepted", ["team.example", ".example", "*"])
def test_a_host_that_is_excepted_is_not_asked_through_the_proxy(
    excepted: str, registry: Registry, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_HTTP_PROXY", f"127.0.0.1:{registry.port}")
    monkeypatch.setenv("NO_PROXY", excepted)
    with pytest.raises(Unavailable, match="does not answer"):
        bring("abc", registry="team", probe_seconds=2.0)
    assert not registry.requests


def test_a_file_without_certificates_is_named(settings: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.with_name("ca.pem").write_text("no certificate")
    monkeypatch.setenv("CARGO_HTTP_CAINFO", str(settings.with_name("ca.pem")))
    with pytest.raises(InputError, match=r"http\.cainfo of Cargo's settings: .*ca\.pem holds no certificates"):
        bring("abc", registry="team")
