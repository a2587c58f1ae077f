"""The whole way as a user's process: interrupted, killed, finished, and run again with nothing to do."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.support.loopback_server import serving
from tests.support.micro_lifecycle import MODEL, Start

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
STAGES = ("harvest", "bank", "curate", "pairs", "base", "sft", "grpo", "quantize", "serve")
PATIENCE = 600.0  # seconds for what takes some tens on a quiet machine


def read_until(process: subprocess.Popen[str], mark: str) -> str:
    """Standard output up to and with the first line that holds `mark`."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if mark in line:
            return seen
    raise AssertionError(f"{mark!r} never came:\n{seen}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    text, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, text


def processes_of(session: int) -> list[int]:
    """Processes of a session that are not zombies."""
    processes = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if state != "Z" and int(fields[2]) == session:
            processes.append(int(stat.parent.name))
    return processes


def wait_for_nobody(session: int) -> None:
    deadline = time.monotonic() + 60
    while left := processes_of(session):
        assert time.monotonic() < deadline, f"processes {left} outlived the lifecycle"
        time.sleep(0.1)


def runs(client: MlflowClient) -> list[Run]:
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    return list(client.search_runs([experiment.experiment_id]))


def statuses(client: MlflowClient, name: str) -> list[str]:
    """Of the runs of that stage, newest first."""
    return [run.info.status for run in runs_of(client, name)]


def runs_of(client: MlflowClient, stage: str) -> list[Run]:
    return [run for run in runs(client) if run.data.tags["rustml.stage"] == stage]


def aliases(client: MlflowClient) -> dict[str, str]:
    return {alias: str(version) for alias, version in client.get_registered_model(MODEL).aliases.items()}


def test_interrupted_killed_finished_and_run_again(start: Start, tmp_path: Path) -> None:
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")

    interrupted = start("lifecycle")
    read_until(interrupted, "== base")
    os.killpg(interrupted.pid, signal.SIGINT)
    code, text = finish(interrupted)
    assert code == 130, text
    assert "run it again to resume" in text
    assert "Traceback" not in text
    wait_for_nobody(interrupted.pid)
    assert statuses(client, "lifecycle") == ["KILLED"]
    assert "RUNNING" not in {run.info.status for run in runs(client)}

    killed = start("lifecycle")
    assert "reused" in read_until(killed, "== sft")
    time.sleep(1.0)
    killed.kill()
    killed.communicate()
    wait_for_nobody(killed.pid)
    assert not client.search_registered_models(), "nothing half-written is registered"

    code, text = finish(start("lifecycle"))
    assert code == 0, text
    before = text.partition("== sft")[0]
    assert before.count("reused in") == before.count("== ") == 6, before
    assert aliases(client) == {"sft": "1", "grpo": "2", "fp8": "3", "champion": "3"}
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 3
    (pairs,) = {run.info.run_id for run in runs_of(client, "pairs") if "rustml.reused" not in run.data.tags}
    measured = runs_of(client, "evaluate")
    assert [run.data.tags["rustml.input.pairs"] for run in measured] == [pairs] * 4, "training data is searched"
    moved = {run.info.run_name for run in runs(client) if run.info.run_name.startswith("promote ")}
    assert moved == {"promote v1 to sft", "promote v2 to grpo", "promote v3 to fp8", "promote v3 to champion"}
    assert {run.data.tags["rustml.param.suites"] for run in measured} == {"python,rust,rust_sampled"}
    left = sorted(path.name for path in (tmp_path / "outputs").iterdir())
    assert left == ["cache", "locks"], "working copies are gone"

    before_again = len(client.search_model_versions(f"name = '{MODEL}'"))
    code, text = finish(start("lifecycle"))
    assert code == 0, text
    assert text.count("reused in") == text.count("== ") - text.count("== gate"), text
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == before_again


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a real `mlflow server` on loopback."""
    home = tmp_path / "server"
    home.mkdir()
    with serving(home) as url:
        yield url


@pytest.mark.slow
def test_against_a_real_tracking_server(start: Start, server: str, tmp_path: Path) -> None:
    code, text = finish(start("lifecycle", environment={"MLFLOW_TRACKING_URI": server}))
    assert code == 0, text
    client = MlflowClient(server)
    assert {run.data.tags["rustml.stage"] for run in runs(client)} >= {*STAGES, "lifecycle"}
    assert aliases(client) == {"sft": "1", "grpo": "2", "fp8": "3", "champion": "3"}
    assert not (tmp_path / "mlflow.db").exists()
    assert not (tmp_path / "mlruns").exists()


Change = Callable[..., Path]


@pytest.fixture
def change(profile: Path) -> Change:
    """`change("harvest", key=value)`: the micro profile with changes in one section."""

    def write(section: str, **changes: object) -> Path:
        tree = yaml.safe_load(profile.read_text())
        tree[section] = {**tree.get(section, {}), **changes}
        profile.write_text(yaml.safe_dump(tree))
        return profile

    return write


def test_a_wrong_key_is_named_before_anything_starts(start: Start, change: Change, tmp_path: Path) -> None:
    change("sft", learning_rat=1e-3)
    code, text = finish(start("lifecycle"))
    assert code == 2, text
    assert "sft.learning_rat" in text
    assert not (tmp_path / "mlflow.db").exists()


def test_a_missing_crate_source_is_said_at_once(start: Start, change: Change, tmp_path: Path) -> None:
    change("harvest", directory=str(tmp_path / "nowhere"))
    code, text = finish(start("lifecycle"))
    assert code == 4, text
    assert str(tmp_path / "nowhere") in text
    assert "== harvest" not in text


def test_a_tracking_server_that_is_down_is_named(start: Start) -> None:
    code, text = finish(start("lifecycle", environment={"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}))
    assert code == 4, text
    assert "http://127.0.0.1:9 does not answer" in text
    assert "== harvest" not in text


@pytest.mark.parametrize(("tool", "said"), [("cargo", "`cargo` is not on PATH"), ("bwrap", "bubblewrap is missing")])
def test_a_missing_tool_is_named_before_anything_starts(
    tool: str, said: str, start: Start, change: Change, tmp_path: Path
) -> None:
    """A PATH on which everything else is found; under `auto` another sandbox may take bubblewrap's place."""
    change("judge", sandbox="bubblewrap")
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(folder).glob("*") if Path(folder).is_dir() else ():
            link = tools / path.name
            link.unlink(missing_ok=True)
            if path.name != tool:
                link.symlink_to(path)
    code, text = finish(start("lifecycle", environment={"PATH": str(tools)}))
    assert code == 4, text
    assert said in text
    assert "== harvest" not in text


def test_a_port_that_is_taken_is_said_before_anything_starts(start: Start, change: Change) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        change("serve", port=port)
        code, text = finish(start("lifecycle"))
    assert code == 4, text
    assert str(port) in text
    assert "== harvest" not in text
