"""A harvest with a login, run as a stage: the token is in nothing that the run wrote."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rustml.profile import Profile, load
from rustml.stages import harvest
from tests.support.crate_archives import SOURCE, manifest, pack
from tests.support.loopback_registry import Registry, fail, serving

TOKEN = "token-0a1b2c3d4e5f"
PASSWORD = "proxy-6a7b8c9d"


@pytest.fixture
def registry() -> Iterator[Registry]:
    """One crate behind a login, whose archive a second host sends; another crate that is broken."""
    with serving() as served, serving() as other:
        files = {"Cargo.toml": manifest("good", "1.0.0"), "src/lib.rs": SOURCE.format(name="good", step=1)}
        served.add("good", "1.0.0", pack("good-1.0.0", files))
        served.add("broken", "1.0.0", b"not an archive")
        served.token = TOKEN
        path = "/dl/good/1.0.0/download"
        other.archives[path] = served.archives[path]
        served.redirects[path] = f"http://localhost:{other.port}{path}"
        served.trouble["/index/go/od/good"] = [fail(503)]
        yield served


@pytest.fixture
def profile(place: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """The tiny profile with the registry that Cargo's settings name, and a proxy that no host here needs."""
    home = place.parent / f"{place.name}-cargo"
    home.mkdir()
    (home / "config.toml").write_text(
        f'[http]\nproxy = "http://me:{PASSWORD}@127.0.0.1:9"\n'
        f'[registries.team]\nindex = "sparse+{registry.url}/index/"\n'
    )
    (home / "credentials.toml").write_text(f'[registries.team]\ntoken = "{TOKEN}"\n')
    monkeypatch.setenv("CARGO_HOME", str(home))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    tiny = load("tiny")
    section = msgspec.structs.replace(
        tiny.harvest, registry="team", directory="", crates=("good", "broken"), min_crates=1, backoff_seconds=0.01
    )
    return msgspec.structs.replace(tiny, harvest=section)


@pytest.mark.filterwarnings("default")  # libraries warn about each other where a data set is logged
def test_a_token_is_in_nothing_that_a_run_wrote(
    place: Path,
    profile: Profile,
    registry: Registry,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        finished = harvest.run(profile)
    assert finished.metrics["harvest.crates"] == 1
    assert any(request.headers.get("authorization") == TOKEN for request in registry.requests)
    assert "chmod 600" in caplog.text, "the warning about the file was given"
    written = [path for path in place.rglob("*") if path.is_file()]
    assert {"mlflow.db", "crates.jsonl", "refused.jsonl", "plan.json"} <= {path.name for path in written}
    texts = {str(path): path.read_bytes() for path in written} | {"log": caplog.text.encode()}
    texts |= {"output": "".join(capfd.readouterr()).encode()}
    for secret in (TOKEN, PASSWORD):
        assert not [name for name, text in texts.items() if secret.encode() in text]
