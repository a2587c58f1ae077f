"""Outputs on their way to a real tracking server, through a proxy that breaks connections."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import mlflow
import msgspec
import pytest

from rustml.errors import EnvironmentFault
from rustml.profile import Profile, load
from rustml.runs import tracking, transfer
from rustml.runs.stage import Outcome, Stage, Workspace
from tests.support import tracking_proxy
from tests.support.tracking_proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
STAGE, PROFILE = Stage("made", ("quantize",), "rustml.errors"), load("tiny")
SEEDS = count(1000)
FILES = {f"model/{n}.safetensors": bytes([n]) * 100_000 for n in range(4)}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def proxy(place: Path, tracking_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to the server; this process tracks through it, in an experiment of its own."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(transfer, "PAUSE_SECONDS", 0.01)
    with tracking_proxy.before(tracking_server) as way:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", way.url)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", place.name)
        tracking.client.cache_clear()
        yield way


@pytest.fixture
def profile() -> Profile:
    """Of a key of its own: all tests share the server, where a stage would find the run of another test."""
    return msgspec.structs.replace(PROFILE, seed=next(SEEDS))


def making(files: dict[str, bytes]) -> Callable[[Workspace], Outcome]:
    def body(space: Workspace) -> Outcome:
        for name, content in files.items():
            (space.out / name).parent.mkdir(exist_ok=True)
            (space.out / name).write_bytes(content)
        return Outcome({"quality": 0.5})

    return body


def elsewhere(run_id: str, patch: pytest.MonkeyPatch, folder: Path) -> dict[str, bytes]:
    """The output of a run as a machine with an empty cache sees it."""
    folder.mkdir()
    patch.chdir(folder)
    output = tracking.output(run_id)
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*") if path.is_file()}


def test_a_broken_connection_costs_the_file_that_it_broke_in(
    proxy: Proxy, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.cut["2.safetensors"] = 2
    made = tracking.run_stage(STAGE, profile, making(FILES))
    assert sorted(proxy.sent) == ["0.safetensors", "1.safetensors", "2.safetensors", "3.safetensors", "profile.yaml"]
    assert elsewhere(made.run_id, monkeypatch, tmp_path / "other") == FILES


def test_a_broken_download_goes_on_with_what_is_missing(
    proxy: Proxy, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tracking.run_stage(STAGE, profile, making(FILES))
    assert not proxy.fetched, "who made it need not fetch it"
    assert (tracking.output(made.run_id) / "model" / "0.safetensors").exists()
    proxy.cut["3.safetensors"] = 1
    assert elsewhere(made.run_id, monkeypatch, tmp_path / "other") == FILES
    assert proxy.fetched["3.safetensors"] == 2
    assert max(count for name, count in proxy.fetched.items() if name != "3.safetensors") == 1


def test_two_that_want_the_same_output_fetch_it_once(
    proxy: Proxy, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tracking.run_stage(STAGE, profile, making(FILES))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(tracking.output, [made.run_id] * 2)
    assert first == second
    assert {path.name: 1 for path in first.rglob("*.safetensors")} == proxy.fetched


def test_what_no_longer_passes_is_named_with_the_key_that_helps(proxy: Proxy, profile: Profile) -> None:
    proxy.limit = 50_000
    with pytest.raises(
        EnvironmentFault, match=r"model/0\.safetensors \(0 MiB\) cannot be sent.*checkpoints\.max_shard_mb"
    ):
        tracking.run_stage(STAGE, profile, making(FILES))


def test_a_connection_that_stays_broken_ends_the_stage_and_the_next_one_goes_on_in_the_same_run(
    proxy: Proxy, profile: Profile
) -> None:
    proxy.cut["2.safetensors"] = 1000
    with pytest.raises(EnvironmentFault, match=r"model/2\.safetensors .*Run it again: it goes on with what is missing"):
        tracking.run_stage(STAGE, profile, making(FILES))
    (failed,) = tracking.client().search_runs([tracking.experiment()])
    assert failed.info.status == "FAILED"
    proxy.cut.clear()
    proxy.sent.clear()
    made = tracking.run_stage(STAGE, profile, making(FILES))
    assert made.run_id == failed.info.run_id
    assert sorted(proxy.sent) == ["2.safetensors", "3.safetensors"]
    (run,) = tracking.client().search_runs([tracking.experiment()])
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"quality": 0.5})


def test_a_file_that_came_out_otherwise_is_sent_again_and_one_that_is_gone_is_removed(
    proxy: Proxy, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.cut["3.safetensors"] = 1000
    with pytest.raises(EnvironmentFault):
        tracking.run_stage(STAGE, profile, making(FILES))
    proxy.cut.clear()
    others = {"model/0.safetensors": b"y" * 100_000, "model/3.safetensors": FILES["model/3.safetensors"]}

    def body(space: Workspace) -> Outcome:
        for path in space.out.rglob("*.safetensors"):
            path.unlink()
        return making(others)(space)

    made = tracking.run_stage(STAGE, profile, body)
    assert elsewhere(made.run_id, monkeypatch, tmp_path / "other") == others


KILLED = """
import os, signal
import msgspec
from rustml.runs import tracking, transfer
from tests.runs.test_transfer import FILES, PROFILE, STAGE, making
profile = msgspec.structs.replace(PROFILE, seed=int(os.environ["SEED"]))

def die(ledger, line, append=transfer._append):
    append(ledger, line)
    if line.path.endswith("1.safetensors"):
        os.kill(os.getpid(), signal.SIGKILL)

transfer._append = die
tracking.run_stage(STAGE, profile, making(FILES))
"""


def test_a_stage_that_is_killed_while_it_sends_goes_on_in_the_run_that_holds_the_first_files(
    proxy: Proxy, profile: Profile, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SEED": str(profile.seed)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [name for name in proxy.sent if name != "profile.yaml"] == ["0.safetensors", "1.safetensors"]
    opened = tracking.client().create_run(tracking.experiment()).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)  # as `mlflow run` does
    made = tracking.run_stage(STAGE, profile, making(FILES))
    assert [name for name in proxy.sent if name != "profile.yaml"] == [f"{n}.safetensors" for n in range(4)]
    assert tracking.finished(opened).run_id == made.run_id != opened


def test_another_key_or_a_deleted_run_is_not_continued(proxy: Proxy, profile: Profile) -> None:
    proxy.cut["2.safetensors"] = 1000
    changed = msgspec.structs.replace(profile, seed=next(SEEDS))
    with pytest.raises(EnvironmentFault):
        tracking.run_stage(STAGE, profile, making(FILES))
    (failed,) = tracking.client().search_runs([tracking.experiment()])
    proxy.cut.clear()
    other = tracking.run_stage(STAGE, changed, making(FILES))
    mlflow.delete_run(failed.info.run_id)
    again = tracking.run_stage(STAGE, profile, making(FILES))
    assert len({failed.info.run_id, other.run_id, again.run_id}) == 3
