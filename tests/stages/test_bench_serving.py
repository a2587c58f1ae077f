"""The load test of versions: what is refused before a server starts, and what a run leaves behind."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from entrypoints.bench_serving import main
from rustml import chat
from rustml.errors import EnvironmentFault, EvidenceError, InputError
from rustml.profile import Profile, load
from rustml.profile.load import changed
from rustml.records import Problem
from rustml.runs import tracking
from rustml.serving.load_test import load as client
from rustml.serving.load_test import measured, report
from rustml.serving.load_test.measured import Measured
from rustml.stages import bench_serving
from rustml.testing import FakeJudge
from tests.support.bench_store import PROBLEMS, bank_run, filled, open_gates
from tests.support.load_results import client_result
from tests.support.stores import Store

BROKEN: list[tuple[str, int]] = []
"""Version and concurrency at which the machine fails."""
pytestmark = [
    pytest.mark.usefixtures("store"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    pytest.mark.filterwarnings("ignore:For backward compatibility:DeprecationWarning"),  # of MLflow's tables
]


@pytest.fixture(scope="module")
def profile() -> Profile:
    return open_gates(load("tiny", ["bench_serving.requests=3", "bench_serving.concurrency=[1, 2, 3]"]))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_database: bytes, profile: Profile) -> Iterator[Store]:
    with filled(tmp_path_factory.mktemp("bench"), empty_database, profile) as store:
        yield store


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    judge = FakeJudge(lambda candidate: "passed" if "add_0" in candidate.code else "wrong")
    monkeypatch.setattr(bench_serving, "open_judge", lambda *_, **__: nullcontext(judge))
    return judge


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, tuple[str, ...]]]:
    """Version, concurrency and problems of each level; no engine starts, and the second request of each fails."""
    levels: list[tuple[str, int, tuple[str, ...]]] = []

    @contextmanager
    def serving(*arguments: Any) -> Iterator[Any]:
        yield arguments[-1]

    def put(subject: Any, problems: Sequence[Problem], count: int, *others: Any) -> Measured:
        if BROKEN and (subject.upstream, count) == BROKEN[0]:
            raise EnvironmentFault("out of memory")
        levels.append((subject.upstream, count, tuple(problem.id for problem in problems)))
        path = others[-1].result
        rate = 12.0 if subject.upstream == "1" else 18.0
        texts = [chat.answer(problem) for problem in problems]
        path.write_bytes(msgspec.json.encode(client_result(generated_texts=texts, output_throughput=rate)))
        return measured.read(Path(path))

    monkeypatch.setattr(bench_serving, "serving", serving)
    monkeypatch.setattr(client, "put", put)
    return levels


def test_a_load_test_that_broke_off_goes_on_with_what_it_lacks(
    profile: Profile, judge: FakeJudge, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judge
    bank_run(profile, monkeypatch)
    monkeypatch.setattr(sys.modules[__name__], "BROKEN", [("1", 2)])
    with pytest.raises(EnvironmentFault, match="out of memory"):
        bench_serving.run(profile, names=["fp8", "sft"])
    BROKEN.clear()
    before = len(asked)
    done = bench_serving.run(profile, names=["fp8", "sft"])
    assert [level[:2] for level in asked[before:]] == [("1", 2), ("1", 3)]
    assert done.metrics["bench_serving.v1_over_v2.c1"] == pytest.approx(2 / 3)


def test_two_versions_stand_side_by_side_in_one_run(
    store: Store,
    profile: Profile,
    judge: FakeJudge,
    asked: list[Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    bank_run(profile, monkeypatch)
    done = bench_serving.run(profile, names=["sft", "2"])
    same = tuple(PROBLEMS[n].id for n in (0, 1, 0))
    assert asked == [(version, count, same) for version in ("1", "2") for count in (1, 2, 3)]
    assert done.metrics["bench_serving.v2_over_v1.c2"] == 1.5
    assert done.metrics["bench_serving.v1.c2.failed"] == 1.0
    assert done.metrics["bench_serving.v1.c2.pass_rate"] == 1.0, "the failed request has no answer that could be wrong"
    printed = capsys.readouterr().out
    assert "1 requests failed: ServerDisconnectedError" in printed
    assert (tracking.output(done.run_id) / report.PAGE).read_text() in printed
    logged = {entry.path for entry in store.client.list_artifacts(done.run_id)}
    assert logged >= {"load-test.png", "load-test-levels.json", "output", "profile.yaml"}
    assert len(judge.judged) == 12
    assert bench_serving.run(profile, names=["sft", "2"]).reused
    assert (tracking.output(done.run_id) / report.PAGE).read_text() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "kind", "why"),
    [
        ([], InputError, "name at least one"),
        (["1", "sft"], InputError, "name version 1 twice"),
        (["champion"], InputError, "no version of rust-coder came through the gate of champion"),
        (["grpo"], InputError, "'grpo' is not a version of rust-coder"),
        (["9"], InputError, "no version 9"),
        (["1", "3"], EvidenceError, "version 3 came through no gate of this profile"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_starts(
    names: list[str], kind: type[Exception], why: str, profile: Profile, asked: list[Any]
) -> None:
    with pytest.raises(kind, match=why):
        bench_serving.run(profile, names=names)
    assert asked == []


def test_levels_that_cannot_be_reached_are_refused(profile: Profile, asked: list[Any]) -> None:
    for key, value, why in (
        ("serve.max_requests", 2, "3 at a time are more than serve.max_requests"),
        ("serve.context", 256, "no room for a prompt in serve.context"),
        ("bench_serving.requests", 2, "2 never are 3 at a time"),
    ):
        with pytest.raises(InputError, match=why):
            bench_serving.run(changed(profile, {key: value}, "test"), names=["1"])
    assert asked == []


def test_the_command_names_what_is_wrong() -> None:
    done = CliRunner().invoke(main, ["--versions", "1, 3", "--set", "ladder=[sft]"])
    assert done.exit_code == EvidenceError.exit_code
    assert "version 1 has no valid evidence for sft" in done.output
