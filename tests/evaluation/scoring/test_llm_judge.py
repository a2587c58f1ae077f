"""The language model as judge, against a server that plays the API: what it says is counted, never guessed, and the
key goes nowhere but into the request."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import EnvironmentFault, InputError, ProfileError
from rustml.evaluation.context import EvalContext
from rustml.evaluation.evaluate import evaluate
from rustml.evaluation.results.journal import Item, Rating
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.scoring.llm_judge import CRITERIA, LanguageModelRater, open_rater, prompt, rated, ratings
from rustml.evaluation.suites.protocols import PAIR
from rustml.profile import load
from rustml.profile.evaluation import RaterSection
from rustml.records import Problem, read_jsonl
from rustml.testing import FakeGenerator, FakeTokenizer
from tests.support.evaluation_doubles import made_suite, problem, reading_judge
from tests.support.openai_server import KEY, VARIABLE


def reply(text: str | None) -> str:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})


def section(url: str, **changes: Any) -> RaterSection:
    fields = {"base_url": url, "model": "judge-1", "key_variable": VARIABLE, "retries": 3, "timeout_seconds": 10.0}
    return msgspec.structs.replace(load("tiny").evaluation.rater, **{**fields, **changes})


def opened(url: str, **changes: Any) -> LanguageModelRater:
    rater = open_rater(section(url, **changes))
    assert rater is not None
    return rater


def asked(number: int = 0, task: str = "docstring_generation") -> Problem:
    tags = {"task": task, "inplace": "text_only"}
    return msgspec.structs.replace(
        problem(number), bank="holdout", entry_point="", reference="/// Adds.", tests="", tags=tags
    )


def test_the_tiny_profile_has_it_switched_off() -> None:
    assert open_rater(load("tiny").evaluation.rater) is None


def test_a_question_is_sent_once_greedy_with_its_key_and_its_number_taken(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, reply("It is clear.\nRATING: 8\n")))
    assert opened(api.url).rate([(asked(), "/// Adds two.")]) == [Rating(score=8)]
    (body,) = api.bodies
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("judge-1", 0.0, 256)
    assert body["messages"] == [{"role": "user", "content": prompt(asked(), "/// Adds two.")}]
    assert api.keys == [f"Bearer {KEY}"]


def test_ratings_keep_the_order_of_the_answers(serve: Any) -> None:
    def play(_n: int, body: dict[str, Any]) -> tuple[int, str]:
        number = body["messages"][0]["content"].partition("answer number ")[2].partition("\n")[0]
        return 200, reply(f"RATING: {number}")

    api = serve(play)
    answers = [(asked(number), f"answer number {number}") for number in (3, 9, 1, 10, 2, 7)]
    assert [rating.score for rating in opened(api.url).rate(answers)] == [3, 9, 1, 10, 2, 7]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_rate_limits_and_server_errors_are_tried_again(serve: Any, status: int) -> None:
    api = serve(lambda n, _body: (status, "{}") if n < 3 else (200, reply("RATING: 5")))
    assert opened(api.url).rate([(asked(), "x")]) == [Rating(score=5)]
    assert len(api.bodies) == 3


@pytest.mark.parametrize("status", [429, 502])
def test_a_server_that_does_not_recover_stops_the_evaluation(serve: Any, status: int) -> None:
    api = serve(lambda _n, _body: (status, "{}"))
    with pytest.raises(EnvironmentFault, match=f"after 3 retries .HTTP {status}"):
        opened(api.url).rate([(asked(), "x")])
    assert len(api.bodies) == 4


def test_a_server_that_is_not_there_stops_the_evaluation(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, ""))
    url = api.url
    api.shutdown()
    api.server_close()
    with pytest.raises(EnvironmentFault, match="APIConnectionError"):
        opened(url, retries=0).rate([(asked(), "x")])


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_is_the_users_to_mend(serve: Any, status: int) -> None:
    api = serve(lambda _n, _body: (status, json.dumps({"error": {"message": f"Incorrect API key: {KEY}"}})))
    with pytest.raises(InputError, match=VARIABLE) as error:
        opened(api.url).rate([(asked(), "x")])
    assert len(api.bodies) == 1
    assert KEY not in repr(error.getrepr(chain=True, showlocals=False))
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8",
        "RATING: 0",
        "RATING: 11",
        "RATING: 7.5",
        "RATING: 7/10",
        "RATING: -3",
        "rating: 7",
        "RATING: 7\nBut I may be wrong.",
        "I would say RATING: 7",
        "RATING: \u0667",
    ],
)
def test_a_reply_without_its_one_form_is_malformed(text: str) -> None:
    assert rated(reply(text).encode()) == Rating(reason="malformed")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', reply(None).encode(), b"\xff\xfe"]
)
def test_a_body_that_is_no_reply_is_malformed(body: bytes) -> None:
    assert rated(body) == Rating(reason="malformed")


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: reply(text).encode()))
def test_no_body_is_guessed_at(body: bytes) -> None:
    rating = rated(body)
    assert (rating.score is None) == (rating.reason == "malformed")
    assert rating.score is None or 1 <= rating.score <= 10


@given(st.text(max_size=40))
def test_no_answer_can_close_its_own_marker(answer: str) -> None:
    text = prompt(asked(), answer)
    mark = text.partition("<answer-")[2].partition(">")[0]
    assert text.count(f"</answer-{mark}>") == 1
    assert f"<answer-{mark}>\n{answer}\n</answer-{mark}>" in text


def test_every_task_that_a_profile_may_name_has_its_criteria() -> None:
    assert set(load("tiny").evaluation.rater.tasks) == CRITERIA.keys()


def test_only_rated_tasks_are_sent_and_an_answer_without_code_is_the_worst(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, reply("RATING: 6")))
    drafts = [
        (asked(0, "completion"), "x"),
        (asked(1), None),
        (asked(2), "/// Adds."),
        (asked(3, "bug_detection"), "a + b"),
    ]
    scores = ratings(opened(api.url), drafts)
    assert scores == [None, Rating(score=1, reason="no_answer"), Rating(score=6), Rating(score=6)]
    assert ratings(None, drafts) == [None] * 4
    assert len(api.bodies) == 2


@pytest.mark.parametrize("key", ["", "  ", "two words", "schlüssel", "line\nbreak"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(VARIABLE, key)
    with pytest.raises(InputError, match=VARIABLE) as error:
        opened("http://127.0.0.1:1/v1")
    assert not key.strip() or key not in str(error.value)


def test_a_rater_without_a_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"evaluation\.rater\.model"):
        open_rater(section("http://127.0.0.1:1/v1", model=""))


@pytest.mark.parametrize(
    "setting",
    [
        "base_url: https://user:hidden@host/v1",
        "base_url: https://host/v1?key=hidden",
        "base_url: ftp://host",
        "key_variable: sk-hidden",
    ],
)
def test_a_profile_cannot_hold_a_key(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: tiny\nevaluation:\n  rater:\n    {setting}\n")
    with pytest.raises(ProfileError) as error:
        load(str(path))
    assert "hidden" not in str(error.value)


def holdout(tasks: list[str]) -> Any:
    problems = tuple(asked(number, task) for number, task in enumerate(tasks))
    made = made_suite(1, name="holdout")
    return dataclasses.replace(
        made, group="holdout", metric_prefix="holdout.", problems=problems, protocol=PAIR, judge=reading_judge()
    )


def measured(checkpoint: Path, out: Path, rater: LanguageModelRater | None, tasks: list[str]) -> Evaluation:
    generator = FakeGenerator(lambda prompt, _: "none" if prompt == "task 4" else "```rust\n/// passed\n```")
    context = EvalContext(generator, FakeTokenizer(), reading_judge(), {"limits": 1}, rater=rater)
    return evaluate(checkpoint, [holdout(tasks)], context, out)


def test_a_suite_of_another_kind_is_not_rated(serve: Any, checkpoint: Path, tmp_path: Path) -> None:
    api = serve(lambda _n, _body: (200, reply("RATING: 6")))
    generator = FakeGenerator(lambda _prompt, _: "```rust\nfn f() {} // passed\n```")
    context = EvalContext(generator, FakeTokenizer(), reading_judge(), {"limits": 1}, rater=opened(api.url))
    report = evaluate(checkpoint, [made_suite(2)], context, tmp_path / "out")
    assert "rater" not in report.suites["rust"].protocol
    assert api.bodies == []


TASKS = ["docstring_generation"] * 5 + ["completion"]


def test_ratings_are_metrics_and_items_and_what_is_malformed_or_refused_is_counted(
    serve: Any, checkpoint: Path, tmp_path: Path
) -> None:
    plays = {0: (200, reply("RATING: 10")), 1: (200, reply("RATING: 1")), 2: (200, reply("fine")), 3: (400, "{}")}

    def play(_n: int, body: dict[str, Any]) -> tuple[int, str]:
        return plays[int(body["messages"][0]["content"].partition("\ntask ")[2][0])]

    report = measured(checkpoint, tmp_path / "out", opened(serve(play).url), TASKS)
    metrics = report.metrics()
    assert metrics["holdout.docstring_generation.rating"] == pytest.approx(1 / 3)
    assert (metrics["holdout.rating_rate"], metrics["holdout.rating_items"]) == (pytest.approx(1 / 3), 3)
    assert (metrics["holdout.unrated_malformed"], metrics["holdout.unrated_refused"]) == (1, 1)
    assert metrics["holdout.items"] == 6
    assert "holdout.completion.rating" not in metrics
    items = list(read_jsonl(tmp_path / "out" / "items-holdout.jsonl", Item))
    assert [item.rating and (item.rating.score, item.rating.reason) for item in items] == [
        (10, ""),
        (1, ""),
        (None, "malformed"),
        (None, "refused"),
        (1, "no_answer"),
        None,
    ]


def test_what_rates_belongs_to_the_protocol_and_is_absent_without_it(
    serve: Any, checkpoint: Path, tmp_path: Path
) -> None:
    url = serve(lambda _n, _body: (200, reply("RATING: 5"))).url
    raters = [None, opened(url), opened(url, model="judge-2"), opened(url, tasks=("bug_detection",))]
    reports = [measured(checkpoint, tmp_path / str(n), rater, TASKS) for n, rater in enumerate(raters)]
    assert len({report.suites["holdout"].protocol_digest for report in reports}) == 4
    assert "rater" not in reports[0].suites["holdout"].protocol
    assert not [name for name in reports[0].metrics() if "rating" in name or "unrated" in name]
    assert "rating" not in (tmp_path / "0" / "items-holdout.jsonl").read_text()


def test_an_evaluation_that_the_server_broke_off_goes_on_without_asking_again(
    serve: Any, checkpoint: Path, tmp_path: Path
) -> None:
    broken = serve(lambda n, _body: (200, reply("RATING: 5")) if n <= 9 else (500, "{}"))
    tasks = ["docstring_generation"] * 20
    rater = opened(broken.url, retries=0, concurrency=1)
    with pytest.raises(EnvironmentFault):
        measured(checkpoint, tmp_path / "out", rater, tasks)
    broken.play = lambda _n, _body: (200, reply("RATING: 5"))
    before = len(broken.bodies)
    report = measured(checkpoint, tmp_path / "out", rater, tasks)
    assert report.metrics()["holdout.rating_items"] == 20
    assert len(broken.bodies) - before == 12  # those of the first chunk, eight answers, were kept


def test_the_key_is_in_no_log_and_no_file_even_if_the_server_repeats_it(
    serve: Any, checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    api = serve(lambda n, _body: (429 if n == 1 else 200, reply(f"{KEY}\nRATING: 9" if n < 4 else KEY)))
    report = measured(checkpoint, tmp_path / "out", opened(api.url), TASKS)
    assert len(api.bodies) == 5
    assert caplog.records
    assert KEY not in caplog.text
    assert not any(KEY in repr(record.__dict__) for record in caplog.records)
    captured = capfd.readouterr()
    assert KEY not in captured.out + captured.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
    assert KEY not in json.dumps(report.metrics()) + repr(report)
