"""A level of load is bounded, and goes through our front; a small program stands in for vLLM's client."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from rustml.errors import EnvironmentFault
from rustml.profile import load as load_profile
from rustml.serving.load_test import load
from rustml.serving.load_test.load import Files, Subject
from rustml.serving.load_test.measured import Measured
from tests.support.engines import Engine, engine
from tests.support.load_results import client_result
from tests.support.toy_models import problem

PROFILE = load_profile("tiny")
SECTION = msgspec.structs.replace(PROFILE.bench_serving, seconds=30.0)
PROBLEMS = [problem(number) for number in range(3)]
Client = Callable[[str], None]
OPTIONS = """
import argparse, json, os, sys, urllib.error, urllib.request
words = sys.argv[1:]
given = {word: words[n + 1] for n, word in enumerate(words[:-1]) if word.startswith("--")}
result = json.loads(os.environ["RESULT"])
def ask(number):
    body = json.dumps({"stream": True, "words": 3}).encode()
    request = urllib.request.Request(given["--base-url"] + given["--endpoint"], body)
    try:
        urllib.request.build_opener().open(request, timeout=20).read()
    except Exception as error:
        result["errors"][number], result["latencies"][number] = type(error).__name__, 0.0
def save():
    with open(os.path.join(given["--result-dir"], given["--result-filename"]), "w") as file:
        json.dump(result, file)
"""


@pytest.fixture
def running() -> Iterator[Engine]:
    with engine() as behind:
        yield behind


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """`client("ask(0); save()")`: the program that is the client from now on."""
    monkeypatch.setenv("RESULT", json.dumps(client_result(errors=[""] * 3, latencies=[1.0] * 3)))
    monkeypatch.setattr(load, "CLOSING_SECONDS", 10.0)
    return lambda program: monkeypatch.setattr(load, "PROGRAM", OPTIONS + program)


def put(running: Engine, folder: Path, seconds: float = 30.0) -> Measured:
    section = msgspec.structs.replace(SECTION, seconds=seconds)
    subject = Subject(running.upstream, "toy", folder / "tokenizer")
    return load.put(subject, PROBLEMS, 2, section, PROFILE.serve, Files.of(folder, folder, "v1-c2"))


def test_requests_reach_the_engine_through_the_front(running: Engine, client: Client, tmp_path: Path) -> None:
    client("for n in range(3): ask(n)\nsave()")
    assert put(running, tmp_path).errors == ["", "", ""]
    assert running.paths == ["/v1/chat/completions"] * 3
    accesses = [json.loads(line) for line in (tmp_path / "v1-c2-access.jsonl").read_text().splitlines()]
    assert [(access["version"], access["ended"]) for access in accesses] == [("1", "complete")] * 3
    prompts = [json.loads(line) for line in (tmp_path / "v1-c2-prompts.jsonl").read_text().splitlines()]
    assert prompts == [{"prompt": problem.instruction} for problem in PROBLEMS]


def test_when_time_is_over_what_is_left_fails_and_is_counted(running: Engine, client: Client, tmp_path: Path) -> None:
    """The first request hangs in the engine, and the second finds nobody: both break off by themselves."""
    running.hold_after = 1
    client("ask(0); ask(1); save()")
    started = time.monotonic()
    measured = put(running, tmp_path, seconds=1.5)
    assert time.monotonic() - started < 15
    assert measured.errors[0] == "IncompleteRead"
    assert measured.errors[1] == "URLError"
    assert measured.latencies == [0.0, 0.0, 1.0]


def test_a_client_that_does_not_end_is_ended(
    running: Engine, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "CLOSING_SECONDS", 0.1)
    client("import time\nprint('thinking', flush=True)\ntime.sleep(60)")
    with pytest.raises(EnvironmentFault, match="ended with code -9:\nthinking"):
        put(running, tmp_path, seconds=1.0)


def test_a_client_that_fails_is_named_with_what_it_said(running: Engine, client: Client, tmp_path: Path) -> None:
    client("sys.exit('no such option')")
    with pytest.raises(EnvironmentFault, match="ended with code 1:\nno such option"):
        put(running, tmp_path)


def test_an_engine_that_dies_is_a_fault(running: Engine, client: Client, tmp_path: Path) -> None:
    running.returncode = 137
    client("save()")
    with pytest.raises(EnvironmentFault, match="the server ended with code 137"):
        put(running, tmp_path)


def test_no_proxy_and_no_secret_reaches_the_client(
    running: Engine, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("RUSTML_API_KEY", "a-key-of-twenty-letters")
    client("result['generated_texts'] = sorted(os.environ); save()")
    names = put(running, tmp_path).generated_texts
    assert "RESULT" in names
    assert not {"HTTP_PROXY", "https_proxy", "RUSTML_API_KEY"} & {*names}


def test_the_load_is_what_the_profile_says(running: Engine, client: Client, tmp_path: Path) -> None:
    client("result['generated_texts'] = words; save()")
    words = put(running, tmp_path).generated_texts
    for option, value in {
        "--num-prompts": "3",
        "--max-concurrency": "2",
        "--custom-output-len": "256",
        "--temperature": "0",
        "--model": "toy",
        "--tokenizer": str(tmp_path / "tokenizer"),
        "--percentile-metrics": "ttft,tpot,e2el",
        "--metric-percentiles": "50,95,99",
        "--goodput": "ttft:1000.0",
    }.items():
        assert words[words.index(option) + 1] == value
    assert words[words.index("--base-url") + 1].startswith("http://127.0.0.1:")
