"""Stages on a real store: run once, resumed after a kill, never half complete, and silent about secrets."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import msgspec
import psutil
import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException

from rustml.errors import EnvironmentFault, EvidenceError, InputError
from rustml.profile import Profile, load
from rustml.runs import stage as stages
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace

STAGE = Stage("made", ("quantize",), "rustml.errors")
PROFILE = load("tiny")
ROOT = Path(__file__).resolve().parents[2]


def counting(calls: list[Workspace], outcome: Outcome | None = None) -> Callable[[Workspace], Outcome]:
    def body(space: Workspace) -> Outcome:
        calls.append(space)
        (space.out / "made.txt").write_text("made")
        return outcome or Outcome({"quality": 0.5})

    return body


def status_of(run_id: str) -> str:
    return str(tracking.client().get_run(run_id).info.status)


def runs(query: str = "") -> list[mlflow.entities.Run]:
    return list(tracking.client().search_runs([tracking.experiment()], query))


def changed(**sections: object) -> Profile:
    return msgspec.structs.replace(PROFILE, **sections)


def test_a_stage_runs_once_and_is_reused() -> None:
    calls: list[Workspace] = []
    first = tracking.run_stage(STAGE, PROFILE, counting(calls))
    second = tracking.run_stage(STAGE, PROFILE, counting(calls))
    assert len(calls) == 1
    assert (first.reused, second.reused) == (False, True)
    assert first.run_id == second.run_id
    assert first.metrics == second.metrics == {"quality": 0.5}
    assert (tracking.output(first.run_id) / "made.txt").read_text() == "made"
    assert not calls[0].out.exists(), "the working copy has done its service"


def test_a_reusing_run_points_at_the_run_that_it_stands_for() -> None:
    first = tracking.run_stage(STAGE, PROFILE, counting([]))
    tracking.run_stage(STAGE, PROFILE, counting([]))
    (second,) = runs("tags.`rustml.reused` != ''")
    assert second.data.tags["rustml.reused"] == first.run_id
    assert second.info.status == "FINISHED"
    assert tracking.OUTPUT not in second.data.tags, "it holds nothing that could be taken over"


@pytest.mark.parametrize("experiment", ["rustml", "a team's #1/first"])
def test_artifacts_lie_beside_a_sqlite_store_of_another_folder(
    experiment: str, place: Path, empty_database: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = place / "elsewhere"
    store.mkdir()
    (store / "mlflow.db").write_bytes(empty_database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", experiment)
    run = tracking.run_stage(STAGE, PROFILE, counting([]))
    assert tracking.output(run.run_id).is_relative_to(store / "mlruns")
    assert (tracking.output(run.run_id) / "made.txt").read_text() == "made"
    assert not (place / "mlruns").exists()


def test_reuse_can_be_refused() -> None:
    calls: list[Workspace] = []
    first = tracking.run_stage(STAGE, PROFILE, counting(calls))
    second = tracking.run_stage(STAGE, PROFILE, counting(calls), reuse=False)
    assert len(calls) == 2
    assert first.run_id != second.run_id


def test_a_change_elsewhere_in_the_profile_leaves_the_result_valid() -> None:
    calls: list[Workspace] = []
    tracking.run_stage(STAGE, PROFILE, counting(calls))
    elsewhere = msgspec.structs.replace(PROFILE.serve, smoke_problems=99)
    assert tracking.run_stage(STAGE, changed(serve=elsewhere), counting(calls)).reused


def test_what_the_stage_reads_makes_it_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Workspace] = []

    def ran(profile: Profile = PROFILE, **given: dict[str, str]) -> bool:
        before = len(calls)
        tracking.run_stage(STAGE, profile, counting(calls), **given)  # type: ignore[arg-type]
        return len(calls) > before

    assert ran()
    assert ran(changed(quantize=msgspec.structs.replace(PROFILE.quantize, scheme="int3_weight_only")))
    assert ran(changed(seed=PROFILE.seed + 1))
    assert ran(params={"weights": "abc"})
    assert not ran(params={"weights": "abc"})
    monkeypatch.setattr(stages, "code_digest", lambda _: "other code")
    assert ran()


def test_an_input_counts_by_its_bytes_and_not_by_its_run() -> None:
    calls: list[Workspace] = []
    source = Stage("source", ("quantize",), "rustml.errors")

    def writing(text: str) -> Callable[[Workspace], Outcome]:
        def body(space: Workspace) -> Outcome:
            (space.out / "data").write_text(text)
            return Outcome()

        return body

    one = tracking.run_stage(source, PROFILE, writing("same"), reuse=False)
    two = tracking.run_stage(source, PROFILE, writing("same"), reuse=False)
    other = tracking.run_stage(source, PROFILE, writing("other"), reuse=False)
    tracking.run_stage(STAGE, PROFILE, counting(calls), inputs={"source": one.run_id})
    assert (calls[0].inputs["source"] / "data").read_text() == "same"
    tracking.run_stage(STAGE, PROFILE, counting(calls), inputs={"source": two.run_id})
    assert len(calls) == 1
    tracking.run_stage(STAGE, PROFILE, counting(calls), inputs={"source": other.run_id})
    assert len(calls) == 2


def test_a_result_whose_files_are_gone_is_made_again() -> None:
    import shutil

    calls: list[Workspace] = []
    first = tracking.run_stage(STAGE, PROFILE, counting(calls))
    shutil.rmtree(tracking.output(first.run_id))
    assert not tracking.run_stage(STAGE, PROFILE, counting(calls)).reused
    assert len(calls) == 2


def test_a_result_that_is_not_usable_any_more_is_made_again(place: Path) -> None:
    calls: list[Workspace] = []
    cached = place / "outputs" / "cache" / "sources"
    stage = Stage("made", ("quantize",), "rustml.errors", usable=lambda _output, cache: cache.unpacked_crates.is_dir())
    tracking.run_stage(stage, PROFILE, counting(calls))
    assert not tracking.run_stage(stage, PROFILE, counting(calls)).reused
    cached.mkdir()
    assert tracking.run_stage(stage, PROFILE, counting(calls)).reused
    assert len(calls) == 2


@pytest.mark.parametrize(("error", "status"), [(ValueError("broken"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_an_ending_is_marked_and_passed_on(error: BaseException, status: str) -> None:
    def body(space: Workspace) -> Outcome:
        (space.out / "half").write_text("half")
        raise error

    with pytest.raises(type(error)):
        tracking.run_stage(STAGE, PROFILE, body)
    (run,) = runs()
    assert run.info.status == status
    assert tracking.OUTPUT not in run.data.tags
    with pytest.raises(InputError, match="did not finish"):
        tracking.output(run.info.run_id)


def test_a_failure_while_logging_leaves_no_complete_run() -> None:
    with pytest.raises(EnvironmentFault, match="failed"):
        tracking.run_stage(STAGE, PROFILE, counting([], Outcome({"no name: that; MLflow ☠": 1.0})))
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert tracking.OUTPUT not in run.data.tags


KILLED = """
import os, signal, sys
from pathlib import Path
from rustml.runs import tracking
from rustml.profile import load
from rustml.runs.stage import Outcome, Stage

def body(space):
    (space.out / "first").write_text("found again")
    (space.scratch / "half").write_text("on the way")
    print(space.out, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

with tracking.plain_run("parent", {}) as parent:
    tracking.run_stage(Stage("made", ("quantize",), "rustml.errors"), load("tiny"), body, parent=parent)
"""


def test_a_killed_stage_is_resumed_in_its_folder_and_its_runs_are_marked(place: Path) -> None:
    store = {"MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **store}
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    stale = {run.data.tags[tracking.STAGE]: run for run in runs()}
    assert set(stale) == {"made", "parent"}
    assert {run.info.status for run in stale.values()} == {"RUNNING"}, "nobody could mark them"
    assert not any(tracking.OUTPUT in run.data.tags for run in stale.values())

    def body(space: Workspace) -> Outcome:
        assert str(space.out) == done.stdout.strip()
        assert (space.out / "first").read_text() == "found again"
        assert (space.scratch / "half").exists()
        (space.out / "second").write_text("made now")
        return Outcome()

    resumed = tracking.run_stage(STAGE, PROFILE, body)
    assert {path.name for path in tracking.output(resumed.run_id).iterdir()} == {"first", "second"}
    assert {status_of(run.info.run_id) for run in stale.values()} == {"KILLED"}
    assert status_of(resumed.run_id) == "FINISHED"


def test_a_run_of_a_living_process_or_of_another_machine_is_left_alone() -> None:
    client = tracking.client()
    sleeper = subprocess.Popen(["sleep", "60"])
    started = psutil.Process(sleeper.pid).create_time()
    host = socket.gethostname()
    workers = {
        f"{host}:{sleeper.pid}:{started:.0f}": "RUNNING",
        f"{host}:{sleeper.pid}:{started - 1000:.0f}": "KILLED",  # the number belongs to another process by now
        f"elsewhere:{sleeper.pid}:1": "RUNNING",
        "": "RUNNING",
        "no worker's name": "RUNNING",
    }
    made = {}
    for worker in workers:
        run = client.create_run(tracking.experiment(), tags={tracking.WORKER: worker} if worker else {})
        made[worker] = run.info.run_id
    try:
        with tracking.plain_run("any", {}):
            pass
    finally:
        sleeper.kill()
        sleeper.wait()
    assert {worker: status_of(run_id) for worker, run_id in made.items()} == workers


def test_only_finding_starts_nothing() -> None:
    calls: list[Workspace] = []
    with tracking.only_finding(), pytest.raises(tracking.NotFinished):
        tracking.run_stage(STAGE, PROFILE, counting(calls))
    assert not calls
    assert not runs()
    made = tracking.run_stage(STAGE, PROFILE, counting(calls))
    with tracking.only_finding():
        assert tracking.run_stage(STAGE, PROFILE, counting(calls)).run_id == made.run_id
    assert len(runs()) == 1


@pytest.mark.filterwarnings("ignore:For backward compatibility, 'str' dtypes")  # MLflow's tables
def test_everything_lands() -> None:
    def body(space: Workspace) -> Outcome:
        (space.out / "rows.jsonl").write_text("{}\n")
        (space.report / "plots").mkdir()
        (space.report / "plots" / "page.html").write_text("<html>")
        for step in range(1, 4):
            space.log(step, {"loss": 1.0 / step})
        return Outcome(
            metrics={"quality": 0.25},
            tables={"t/full.json": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "t/empty.json": []},
            datasets={"rows": space.out / "rows.jsonl"},
            tags={"made.by": "hand"},
        )

    with tracking.plain_run("parent", {"profile": "tiny"}) as parent:
        done = tracking.run_stage(STAGE, PROFILE, body, params={"weights": "abc"}, parent=parent)
    client = tracking.client()
    run = client.get_run(done.run_id)
    assert run.data.params == {"profile.seed": str(PROFILE.seed), "profile.name": "tiny"}, "the rest is usual"
    assert run.data.metrics["quality"] == 0.25
    assert [point.value for point in client.get_metric_history(done.run_id, "loss")] == [1.0, 0.5, pytest.approx(1 / 3)]
    expected = {
        "made.by": "hand",
        "rustml.param.weights": "abc",
        "rustml.stage": "made",
        "mlflow.parentRunId": parent,
    }
    assert expected.items() <= run.data.tags.items()
    assert len(run.data.tags["mlflow.source.git.commit"]) in (7, 40)
    assert run.data.tags["rustml.dirty"] in ("true", "false")
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.name == "rows"
    assert Path(json.loads(dataset.dataset.source)["uri"].removeprefix("file://")).is_file()
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert json.loads((folder / "t/full.json").read_text())["data"] == [[1, "x"], [2, "y"]]
    assert (folder / "t/empty.json").is_file()
    assert (folder / "plots/page.html").is_file()
    again = folder.parent / "logged.yaml"
    again.write_text((folder / "profile.yaml").read_text())
    assert msgspec.structs.replace(load(str(again)), name="tiny") == PROFILE


def test_params_are_the_stages_own_values_and_what_differs_from_the_defaults() -> None:
    stage = Stage("quantize", ("quantize", "evaluation"), "rustml.errors")
    long = "x" * 7000
    profile = load("tiny", [f"evaluation.behaviour.prompts=[{long}]"])
    run = tracking.client().get_run(tracking.run_stage(stage, profile, counting([])).run_id)
    params = dict(run.data.params)
    cut = params.pop("evaluation.behaviour.prompts")
    assert len(cut) == 6000
    assert cut.endswith(f" … cut: {len(long) + 2} characters, whole in profile.yaml")
    assert params.pop("quantize.scheme") == PROFILE.quantize.scheme
    assert params.pop("evaluation.suites.rust.max_new_tokens") == "96"
    assert params.pop("evaluation.shown") == "[holdout]"
    assert not {"evaluation.engine", "evaluation.rater.tasks"} & params.keys(), "as in the defaults"


def test_a_stage_shows_the_data_that_it_read() -> None:
    bank = tracking.run_stage(Stage("bank", ("quantize",), "rustml.errors"), PROFILE, counting([]))
    sft = Stage("sft", ("quantize",), "rustml.errors", reads_for="training")
    run = tracking.client().get_run(tracking.run_stage(sft, PROFILE, counting([]), inputs={"bank": bank.run_id}).run_id)
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.name == "bank of bank tiny"
    assert bank.digest.startswith(logged.dataset.digest)
    assert [(tag.key, tag.value) for tag in logged.tags] == [("mlflow.data.context", "training")]
    assert Path(json.loads(logged.dataset.source)["uri"].removeprefix("file://"), "made.txt").is_file()


def test_the_machine_is_sampled_while_a_stage_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.01")
    client = tracking.client()

    def body(_: Workspace) -> Outcome:
        (run,) = runs()
        deadline = time.monotonic() + 60
        while "system/cpu_utilization_percentage" not in client.get_run(run.info.run_id).data.metrics:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return Outcome()

    tracking.run_stage(STAGE, PROFILE, body)


def test_what_decided_a_result_beside_code_and_profile_can_be_read_off_its_run() -> None:
    stage = Stage(
        "made",
        ("quantize",),
        "rustml.errors",
        contents=lambda _: {("quantize", "scheme"): "digest of a file"},
        environment=lambda _: {"torch": "2.13.0"},
    )
    done = tracking.run_stage(stage, PROFILE, counting([]))
    run = tracking.client().get_run(done.run_id)
    assert run.data.tags["rustml.environment.torch"] == "2.13.0"
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert json.loads((folder / "contents.json").read_text()) == {"quantize.scheme": "digest of a file"}


def test_a_run_that_mlflow_opened_is_resumed_once() -> None:
    given = tracking.client().create_run(tracking.experiment(), run_name="from mlflow run").info.run_id
    os.environ["MLFLOW_RUN_ID"] = given
    assert tracking.run_stage(STAGE, PROFILE, counting([])).run_id == given
    assert "MLFLOW_RUN_ID" not in os.environ
    assert status_of(given) == "FINISHED"
    other = tracking.run_stage(STAGE, PROFILE, counting([]), reuse=False)
    assert other.run_id != given


def test_a_run_that_mlflow_opened_in_default_is_continued_in_our_experiment() -> None:
    """As `mlflow run` without `--experiment-name` does: its run is a pointer, and may be named as an input."""
    client = tracking.client()
    given = client.create_run("0", tags={"mlflow.user": "ada", "mlflow.source.type": "PROJECT"}).info.run_id
    client.log_param(given, "profile", "tiny")
    os.environ.update(MLFLOW_RUN_ID=given, MLFLOW_EXPERIMENT_ID="0")
    source = Stage("source", ("quantize",), "rustml.errors")
    done = tracking.run_stage(source, PROFILE, counting([]), title="source of all")
    run, pointer = client.get_run(done.run_id), client.get_run(given)
    assert client.get_experiment(run.info.experiment_id).name == "rustml"
    assert (run.data.tags["mlflow.user"], run.data.tags["mlflow.source.type"]) == ("ada", "PROJECT")
    assert run.data.params["profile"] == "tiny"
    assert pointer.data.tags["mlflow.runName"] == "source of all (in experiment rustml)"
    assert done.run_id in pointer.data.tags["mlflow.note.content"]
    assert tracking.finished(given).run_id == done.run_id
    assert not tracking.run_stage(STAGE, PROFILE, counting([]), inputs={"source": given}).reused


def test_a_run_that_reused_another_can_be_named_in_its_place() -> None:
    first = tracking.run_stage(STAGE, PROFILE, counting([]))
    tracking.run_stage(STAGE, PROFILE, counting([]))
    (second,) = runs("tags.`rustml.reused` != ''")
    assert tracking.finished(second.info.run_id).run_id == first.run_id


def test_what_was_made_in_another_experiment_is_found() -> None:
    calls: list[Workspace] = []
    os.environ["MLFLOW_EXPERIMENT_NAME"] = "elsewhere"
    first = tracking.run_stage(STAGE, PROFILE, counting(calls, Outcome(tags={"rustml.weights": "abe"})))
    del os.environ["MLFLOW_EXPERIMENT_NAME"]
    assert tracking.run_stage(STAGE, PROFILE, counting(calls)).run_id == first.run_id
    assert tracking.newest("rustml.weights", "abe") == first.run_id
    assert len(calls) == 1


def test_the_experiment_opens_at_its_runs_and_keeps_what_a_person_set() -> None:
    client = tracking.client()
    kept = client.create_experiment("kept", tags={"mlflow.experimentKind": "genai_development"})
    assert client.get_experiment(tracking.experiment()).tags["mlflow.experimentKind"] == "custom_model_development"
    os.environ["MLFLOW_EXPERIMENT_ID"] = kept
    assert tracking.experiment() == kept
    assert client.get_experiment(kept).tags["mlflow.experimentKind"] == "genai_development"


def test_an_input_of_another_stage_is_refused_by_name() -> None:
    bank = tracking.run_stage(Stage("bank", ("quantize",), "rustml.errors"), PROFILE, counting([]))
    with pytest.raises(InputError, match=f"harvest: run {bank.run_id} is of stage bank, not of harvest"):
        tracking.run_stage(STAGE, PROFILE, counting([]), inputs={"harvest": bank.run_id})


def test_a_deleted_run_is_no_input() -> None:
    done = tracking.run_stage(STAGE, PROFILE, counting([]))
    tracking.client().delete_run(done.run_id)
    with pytest.raises(InputError, match="was deleted: `mlflow runs restore"):
        tracking.output(done.run_id)


def test_a_failed_run_says_why_and_has_a_name() -> None:
    def body(_: Workspace) -> Outcome:
        raise InputError("sft.steps: is too many")

    with pytest.raises(InputError):
        tracking.run_stage(STAGE, PROFILE, body, title="made of tiny")
    (run,) = runs()
    assert run.data.tags["mlflow.runName"] == "made of tiny"
    assert run.data.tags["mlflow.note.content"].startswith("**Failed.** sft.steps: is too many\n")
    assert run.data.tags["mlflow.user"]
    assert run.data.tags["mlflow.source.name"]


def test_a_command_that_fails_at_its_input_names_the_run_that_mlflow_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    from entrypoints.quantize import main

    given = tracking.client().create_run(tracking.experiment(), run_name="clumsy-fox-1").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    assert CliRunner().invoke(main, ["--version", "1", "--set", "sft.stepps=3"]).exit_code == 2
    tags = tracking.client().get_run(given).data.tags
    assert tags["mlflow.runName"] == "quantize failed"
    assert "unknown key 'sft.stepps'" in tags["mlflow.note.content"]


def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may write anywhere, so the refusal of the file system is put in place of `mkdir`."""
    from entrypoints.bank import main

    make = Path.mkdir

    def refuse(path: Path, *options: Any, **named: Any) -> None:
        if "outputs" in path.parts:
            raise PermissionError(errno.EROFS, "Read-only file system", str(path))
        make(path, *options, **named)

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = CliRunner().invoke(main, [])
    assert done.exit_code == EnvironmentFault.exit_code
    assert "Read-only file system: " in done.output
    assert "Make it writable" in done.output
    assert "Traceback" not in done.output


SECRETS = [
    "http://bob:s3%63ret%40s3cret@127.0.0.1:9",
    "http://bob:x@s3cret@127.0.0.1:9",
    "postgresql://bob:s3cret@127.0.0.1:9/db",
    "mysql+pymysql://bob:s3cret@127.0.0.1:9/db",
    "bogus://bob:s3cret@127.0.0.1:9",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_a_store_that_is_down_is_told_quickly_and_without_its_password(uri: str) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = uri
    started = time.monotonic()
    with pytest.raises(EnvironmentFault) as error:
        tracking.client()
    assert time.monotonic() - started < 30, "the retries of MLflow's default take minutes"
    assert "s3cret" not in str(error.value)
    assert "bob" not in str(error.value)
    assert "127.0.0.1:9" in str(error.value)
    assert "MLFLOW_TRACKING_URI" in str(error.value), "what to do"


def test_a_command_says_that_the_store_is_down_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from entrypoints.quantize import main

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://bob:s3cret@127.0.0.1:9")
    done = CliRunner().invoke(main, ["--version", "1"])
    assert done.exit_code == EnvironmentFault.exit_code
    assert "s3cret" not in done.output
    assert "127.0.0.1:9" in done.output
    assert "Traceback" not in done.output


def test_make_lifecycle_asks_the_store_before_mlflow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from entrypoints._support.store import check

    assert check() == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "bogus://bob:s3cret@127.0.0.1:9")
    tracking.client.cache_clear()
    assert "the tracking store bogus://127.0.0.1:9 does not answer" in check()
    recipe = (ROOT / "Makefile").read_text().partition("\nlifecycle:")[2].partition("\n\n")[0]
    assert recipe.index("entrypoints._support.store") < recipe.index("mlflow run")


def test_a_server_gets_the_password_all_the_same() -> None:
    import base64
    import http.server
    import threading

    heard: list[str | None] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.headers.get("Authorization"))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b'{"experiments": []}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        os.environ["MLFLOW_TRACKING_URI"] = f"http://bob:p%40ss@127.0.0.1:{server.server_address[1]}"
        tracking.client()
        server.shutdown()
    assert heard
    assert heard[-1] == "Basic " + base64.b64encode(b"bob:p@ss").decode()
    assert "p%40ss" not in tracking.public_uri()
    assert "p%40ss" not in os.environ["MLFLOW_TRACKING_URI"], "children inherit it, and so would their errors"


def test_a_store_that_fails_on_the_way_is_one_line() -> None:
    def body(_: Workspace) -> Outcome:
        raise MlflowException("API request to somewhere failed\nwith a second line")

    with pytest.raises(EnvironmentFault, match=r"failed \(API request to somewhere failed\)\. Run it again") as error:
        tracking.run_stage(STAGE, PROFILE, body)
    assert "second" not in str(error.value)


def test_unknown_runs_are_the_users_fault() -> None:
    with pytest.raises(InputError, match="no run 0123"):
        tracking.output("0123")
    with pytest.raises(InputError, match="no run 0123"):
        tracking.run_stage(STAGE, PROFILE, counting([]), inputs={"data": "0123"})
    with pytest.raises(EvidenceError, match="run `evaluate`"):
        tracking.newest("rustml.weights", "abc")


def test_the_newest_complete_run_is_found() -> None:
    outcome = Outcome(tags={"rustml.weights": "abc"})
    tracking.run_stage(STAGE, PROFILE, counting([], outcome))
    time.sleep(0.01)
    second = tracking.run_stage(STAGE, PROFILE, counting([], outcome), reuse=False)
    client = tracking.client()
    unfinished = client.create_run(tracking.experiment(), tags={"rustml.weights": "abc"}).info.run_id
    assert tracking.newest("rustml.weights", "abc") == second.run_id != unfinished


def test_a_newer_run_of_less_is_passed_over_where_there_is_one_of_enough() -> None:
    outcome = Outcome(tags={"rustml.weights": "abd"})
    whole = tracking.run_stage(STAGE, PROFILE, counting([], outcome), params={"suites": "a,b"})
    time.sleep(0.01)
    part = tracking.run_stage(STAGE, PROFILE, counting([], outcome), params={"suites": "a"})
    measured = "rustml.param.suites"
    assert tracking.newest("rustml.weights", "abd", lambda tags: "b" in tags[measured]) == whole.run_id
    assert tracking.newest("rustml.weights", "abd", lambda tags: "c" in tags[measured]) == part.run_id
