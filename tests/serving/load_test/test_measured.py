"""What the client of a load test measured, summed up: nothing that failed is dropped, or counts as measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import EnvironmentFault
from rustml.serving.load_test import measured
from rustml.serving.load_test.measured import Failure, Level, Measured, Percentiles
from rustml.serving.smoke import Answer
from tests.support.load_results import client_result
from tests.support.toy_models import problem

PROBLEMS = [problem(number) for number in range(3)]


def read(folder: Path, **changes: Any) -> Measured:
    path = folder / "result.json"
    path.write_text(json.dumps(client_result(**changes)))
    return measured.read(path)


def level(folder: Path, *statuses: Any, **changes: Any) -> Level:
    answers = [Answer(problem="toy/0", completion="", status=status) for status in statuses]
    return measured.level("3", "sft v3", 8, PROBLEMS, read(folder, **changes), answers)


def test_a_level_says_what_clients_waited_and_what_they_got(tmp_path: Path) -> None:
    found = level(tmp_path, "passed", "wrong")
    assert (found.requests, found.completed, found.judged, found.passed) == (3, 2, 2, 1)
    assert found.ttft == found.tpot == found.end_to_end == Percentiles(p50=50.0, p95=95.0, p99=99.0)
    assert (found.tokens_per_second, found.request_tokens_per_second, found.goodput) == (12.0, 10.0, 0.2)
    assert found.metrics["ttft_p99_ms"] == 99.0
    assert found.metrics["pass_rate"] == 0.5


def test_a_failed_request_is_counted_and_named(tmp_path: Path) -> None:
    found = level(tmp_path, "passed", "passed")
    assert found.failures == (
        Failure(request=1, problem="toy/1", reason="ServerDisconnectedError: Server disconnected"),
    )
    assert found.metrics["failed"] == 1.0
    assert measured.ended(PROBLEMS, read(tmp_path)) == ([PROBLEMS[0], PROBLEMS[2]], ["one", "three"])


def test_a_failure_without_words_is_one_as_well(tmp_path: Path) -> None:
    (failure,) = level(tmp_path, errors=["", "", ""]).failures
    assert failure.reason == "no answer, and no reason was given"


def test_what_the_judge_could_not_judge_is_no_failure_of_the_model(tmp_path: Path) -> None:
    found = level(tmp_path, "passed", "infrastructure")
    assert (found.judged, found.passed, found.faults) == (1, 1, 1)
    assert found.metrics["pass_rate"] == 1.0


def test_where_nothing_ended_there_is_no_latency(tmp_path: Path) -> None:
    """The client itself writes zeros there."""
    nothing = {"latencies": [0.0] * 3, "output_lens": [0] * 3, "errors": ["Bad Gateway"] * 3, "output_throughput": 0.0}
    found = level(tmp_path, **nothing)
    assert (found.completed, len(found.failures)) == (0, 3)
    assert found.ttft is found.tpot is found.end_to_end is found.request_tokens_per_second is None
    assert set(found.metrics) == {"requests", "failed", "tokens_per_second", "goodput"}


def test_answers_of_one_token_have_no_time_per_further_token(tmp_path: Path) -> None:
    found = level(tmp_path, "wrong", "wrong", output_lens=[1, 0, 1])
    assert found.tpot is None
    assert found.ttft is not None


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"duration": "long"}'])
def test_a_result_that_cannot_be_read_is_a_fault(text: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(EnvironmentFault, match="left no result that can be read"):
        measured.read(tmp_path / "result.json")
    with pytest.raises(EnvironmentFault, match="left no result"):
        measured.read(tmp_path / "nothing.json")
