"""A version on a real tracking server: how often its weights cross the network until it is served."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import msgspec
import pytest

from rustml.evaluation.results.report_file import Evaluation
from rustml.models import manifest
from rustml.models.manifest import Manifest
from rustml.profile import load
from rustml.profile.gates import Thresholds
from rustml.release import versions
from rustml.release.registry import Registry
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace
from tests.support import tracking_proxy
from tests.support.loopback_server import serving
from tests.support.stores import MODEL, Store
from tests.support.tracking_proxy import Proxy

STAGE, SHARDS = Stage("sft", ("quantize",), "rustml.errors"), [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to a server, with this process in an empty folder."""
    with serving(tmp_path) as server, tracking_proxy.before(server) as way:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", way.url)
        monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
        monkeypatch.chdir(tmp_path)
        tracking.client.cache_clear()
        yield way
    tracking.client.cache_clear()
    mlflow.set_tracking_uri(None)


def test_a_promotion_and_those_who_check_it_fetch_a_checkpoint_once(
    proxy: Proxy,
    tmp_path: Path,
    thresholds: Thresholds,
    evaluation: Callable[..., Evaluation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = msgspec.structs.replace(thresholds, rise=("rust.pass",), resamples=1000)
    store = Store(tracking.client(), tmp_path, tracking.experiment(), gate)

    def body(space: Workspace) -> Outcome:
        shutil.copytree(store.weights("trained"), space.out / versions.MODEL)
        (space.out / versions.MODEL / "model.safetensors").unlink()
        manifest.write(space.out / versions.MODEL, Manifest(kind="sharded"))
        for name in SHARDS:
            (space.out / versions.MODEL / name).write_bytes(name.encode() * 1000)
        return Outcome()

    made = tracking.run_stage(STAGE, load("tiny"), body)
    version = versions.ensure(MODEL, made.run_id)
    assert not weights_of(proxy), "registered from what lies on this machine"

    other = tmp_path / "another machine"
    other.mkdir()
    monkeypatch.chdir(other)
    scores = {store.registry.digest(version): 120, "b" * 64: 20}
    candidate, baseline = (
        store.evaluated(evaluation(of, rust=[n < passed for n in range(200)], python=[True] * 500))
        for of, passed in scores.items()
    )
    store.promote(version, "sft", candidate, baseline)
    for _ in ("grpo", "quantize", "serve"):
        store.check(version, "sft")
    assert versions.checkpoint(version, MODEL).digest == store.registry.digest(version)
    assert weights_of(proxy) == dict.fromkeys(SHARDS, 1)
    assert Registry(tracking.client(), MODEL, cached=False).digest(version) == store.registry.digest(version)
    assert weights_of(proxy) == dict.fromkeys(SHARDS, 2), "`verify` looks at the server's own files"


def weights_of(proxy: Proxy) -> dict[str, int]:
    return {name: count for name, count in proxy.fetched.items() if name.endswith(".safetensors")}
