"""Teachers on loopback: their answers pass the judge or are counted, peers choose, and no reply is asked for twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.profile.teach import TeacherSection, TeachSection
from rustml.records import Candidate, Problem, Status, read_jsonl, write_jsonl
from rustml.teaching.peers import read_ranking
from rustml.teaching.teach import Taught, TeachReport, chosen_problems, open_teachers, teach
from rustml.testing import FakeJudge
from tests.support.openai_server import KEY, VARIABLE, Api, Play, chat_reply
from tests.support.toy_models import problem

LICENCES = ("MIT", "Apache-2.0")
PROBLEMS = [problem(number) for number in range(3)]


def said(text: str, finish: str = "stop") -> tuple[int, str]:
    return 200, chat_reply(text, finish)


def code(style: str, instruction: str) -> str:
    number = instruction.partition("add_")[2].partition("`")[0]
    return f"Here it is:\n```rust\nfn add_{number}(a: i64) -> i64 {{ a + {number} /* {style} */ }}\n```"


def play(style: str, favourite: str = "") -> Play:
    """Answers in a style, and ranks the favourite style first."""

    def answer(_: int, body: dict[str, Any]) -> tuple[int, str]:
        text = body["messages"][0]["content"]
        if "RANKING:" not in text:
            return said(code(style, text))
        letters = [part[0] for part in text.split("<answer-")[1:]]
        first = next(part[0] for part in text.split("<answer-")[1:] if f"/* {favourite} */" in part)
        return said(f"RANKING: {' '.join([first, *(one for one in letters if one != first)])}")

    return answer


def section(**urls: str) -> TeachSection:
    teachers = {
        name: TeacherSection(
            base_url=url, model=f"model-{name}", key_variable=VARIABLE, retries=0, timeout_seconds=10.0, concurrency=2,
            extra={}, licence="MIT", terms="https://terms.invalid",
        )
        for name, url in urls.items()
    }  # fmt: skip
    return TeachSection(
        teachers=teachers, files={"rust-train": 0}, samples=1, temperature=0.0, max_new_tokens=99, judged_by="tests",
        peers=True,
    )  # fmt: skip


def taught(section: TeachSection, folder: Path, judge: FakeJudge | None = None) -> tuple[TeachReport, list[Taught]]:
    teachers = open_teachers(section, LICENCES, folder / "cache", seed=1)
    (folder / "out").mkdir(exist_ok=True)
    report = teach(section, teachers, PROBLEMS, judge or FakeJudge(), folder / "out")
    files = sorted((folder / "out").glob("taught-*.jsonl"))
    return report, [record for file in files for record in read_jsonl(file, Taught)]


def test_what_the_judge_passes_is_taught_with_teacher_licence_and_terms(
    serve: Callable[[Play], Api], tmp_path: Path
) -> None:
    def judged(candidate: Candidate) -> Status:
        return "wrong" if "add_1" in candidate.code else "passed"

    report, records = taught(section(one=serve(play("loud")).url), tmp_path, FakeJudge(judged))
    assert [record.problem for record in records] == ["toy/0", "toy/2"]
    first = records[0]
    assert (first.teacher, first.model, first.licence) == ("one", "model-one", "MIT")
    assert first.terms == "https://terms.invalid"
    assert first.answer == "```rust\nfn add_0(a: i64) -> i64 { a + 0 /* loud */ }\n```"
    assert report.metrics()["teach.judge.dropped.wrong"] == 1


def test_peers_choose_among_answers_that_pass_and_nobody_votes_for_himself(
    serve: Callable[[Play], Api], tmp_path: Path
) -> None:
    """`one` and `three` prefer the style of `two`, which prefers its own."""
    urls = {
        "one": serve(play("plain", "fine")).url,
        "two": serve(play("fine", "fine")).url,
        "three": serve(play("long", "fine")).url,
    }
    report, records = taught(section(**urls), tmp_path)
    assert {record.teacher for record in records} == {"two"}
    assert {(record.position, record.votes) for record in records} == {(1.0, 2)}
    assert report.metrics()["teach.peers.dropped.ranked_lower"] == 6


def test_a_reply_is_asked_for_once_also_after_a_server_that_failed(
    serve: Callable[[Play], Api], tmp_path: Path
) -> None:
    answers = play("loud")

    def failing(number: int, body: dict[str, Any]) -> tuple[int, str]:
        return (500, "{}") if number == 3 else answers(number, body)

    api = serve(failing)
    with pytest.raises(EnvironmentFault, match=r"teach\.teachers\.one"):
        taught(section(one=api.url), tmp_path)
    _, records = taught(section(one=api.url), tmp_path)
    assert len(records) == 3
    texts = [body["messages"][0]["content"] for body in api.bodies]
    assert len(texts) == 4
    assert len(set(texts)) == 3
    taught(section(one=api.url), tmp_path)
    assert len(api.bodies) == 4
    assert not any(KEY in path.read_text() for path in tmp_path.rglob("*.json*"))


@pytest.mark.parametrize(
    ("answer", "step"),
    [
        ((400, "{}"), "reply.dropped.refused"),
        (said("```rust\nfn add_", "length"), "reply.dropped.length"),
        (said(""), "reply.dropped.empty"),
        ((200, json.dumps({"id": "1", "choices": []})), "reply.dropped.no_choice"),
        (said("I do not know."), "judge.dropped.no_code"),
        (said(f"You sent {KEY}."), "reply.dropped.holds_key"),
    ],
)
def test_what_is_no_answer_is_counted_by_its_reason(
    serve: Callable[[Play], Api], tmp_path: Path, answer: tuple[int, str], step: str
) -> None:
    report, records = taught(section(one=serve(lambda _, __: answer).url), tmp_path)
    assert not records
    assert report.metrics()[f"teach.{step}"] == 3


def test_a_licence_that_the_gate_refuses_and_a_missing_key_stop_before_a_request(
    serve: Callable[[Play], Api], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve(play("loud"))
    with pytest.raises(InputError, match=r"teach\.teachers\.one\.licence"):
        open_teachers(section(one=api.url), ("Apache-2.0",), tmp_path, seed=1)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=VARIABLE):
        open_teachers(section(one=api.url), LICENCES, tmp_path, seed=1)
    with pytest.raises(InputError, match=r"teach\.teachers is empty"):
        open_teachers(section(), LICENCES, tmp_path, seed=1)
    assert not api.bodies


def test_only_problems_that_may_be_trained_on_are_asked(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rust-train.jsonl", PROBLEMS)
    assert chosen_problems(section(), tmp_path) == PROBLEMS
    held = Problem(**{name: getattr(PROBLEMS[0], name) for name in Problem.__struct_fields__} | {"trainable": False})
    write_jsonl(tmp_path / "rust-train.jsonl", [held])
    with pytest.raises(InputError, match="may not be trained on"):
        chosen_problems(section(), tmp_path)


@pytest.mark.parametrize(
    ("text", "ranking"),
    [
        ("because\nRANKING: B A C", [1, 0, 2]),
        ("RANKING: B A", []),
        ("RANKING: A A B", []),
        ("RANKING: A B C D", []),
        ("RANKING: A B C\nor not", []),
        ("", []),
    ],
)
def test_a_ranking_names_every_answer_once_or_does_not_count(text: str, ranking: list[int]) -> None:
    assert read_ranking(text, 3) == ranking
