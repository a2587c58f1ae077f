"""The body of the stage `evaluate` on a model behind a server: the same suites, an identity in place of weights."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from rustml import chat
from rustml.cache_layout import CacheLayout
from rustml.errors import InputError, ProfileError
from rustml.evaluation.results.report_file import load as load_report
from rustml.generation.served import ServedModel
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.profile import Profile, load
from rustml.records import write_jsonl
from rustml.release.find_evidence import WEIGHTS_RUN_TAG
from rustml.runs.progress import Progress
from rustml.runs.stage import Workspace
from rustml.stages import evaluate, lifecycle
from tests.support.openai_server import KEY, VARIABLE, Api, Play, chat_reply
from tests.support.toy_models import problem


@pytest.fixture
def profile() -> Profile:
    tiny = load("tiny")
    server = msgspec.structs.replace(tiny.evaluation.server, key_variable=VARIABLE)
    return msgspec.structs.replace(tiny, evaluation=msgspec.structs.replace(tiny.evaluation, server=server))


def test_a_served_model_is_measured_by_the_suites_of_the_profile(
    profile: Profile, serve: Callable[[Play], Api], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = [msgspec.structs.replace(problem(number), split="test") for number in range(4)]
    write_jsonl(tmp_path / "bank" / "rust-test.jsonl", problems)
    answers = {each.instruction: chat.answer(each) for each in problems[:3]}

    def play(_number: int, body: dict[str, Any]) -> tuple[int, str]:
        return 200, chat_reply(answers.get(body["messages"][-1]["content"], "I do not know."))

    api = serve(play)
    api.models = 200, json.dumps({"object": "list", "data": [{"id": "coder-1", "owned_by": "us"}]})
    measured, subject = evaluate._subject(profile, f"openai:coder-1@{api.url}")
    space = Workspace(
        tmp_path / "out",
        tmp_path / "report",
        {"bank": tmp_path / "bank"},
        tmp_path / "scratch",
        CacheLayout(tmp_path / "cache"),
        lambda *_: None,
    )
    outcome = evaluate._measure(measured, subject, ("rust",), None, space)
    assert isinstance(subject.model, ServedModel)
    assert outcome.metrics["rust.pass_rate"] == 0.75
    assert outcome.metrics["rust.format_rate"] == 0.75
    digest = load_report(tmp_path / "out").suites["rust"].protocol_digest
    assert outcome.tags["rustml.protocol.rust"] == digest
    assert f"rust: 4 items, protocol {digest[:16]}" in capsys.readouterr().out
    assert outcome.note.startswith("Passes: rust 75.0% (30.1 to 95.4)\n")
    assert f"| rust | format | 75.0% | 30.1 to 95.4 | 4 | 1 | {digest[:12]} |" in outcome.note
    assert outcome.measured is not None
    assert (outcome.measured.label, outcome.measured.weights) == ("coder-1", subject.digest)
    assert outcome.measured.data["rust."].file == "rust-test.jsonl"
    assert outcome.tags[WEIGHTS_RUN_TAG] == subject.digest == subject.model.digest
    report = (tmp_path / "out" / "report.json").read_text()
    assert KEY not in report
    assert json.loads(report)["model"] == f"openai:coder-1@{api.url}"
    assert evaluate.environment(measured).keys() >= {"openai"}
    assert "torch" not in evaluate.environment(measured)


def test_a_checkpoint_is_not_measured_by_a_servers_engine(profile: Profile) -> None:
    served = msgspec.structs.replace(profile, evaluation=msgspec.structs.replace(profile.evaluation, engine="openai"))
    with pytest.raises(InputError, match="and 3 is a checkpoint: give -P model=openai"):
        evaluate._subject(served, "3")
    with pytest.raises(ProfileError, match="a lifecycle measures checkpoints"):
        lifecycle.preflight(served)


def test_answers_are_counted_while_they_are_made_and_while_they_are_judged() -> None:
    with Progress("answers judged", stream=io.StringIO()) as progress:
        judged, generated = evaluate._counters(progress)
        generated(3, 9)
        assert "prompts answered  3/9" in progress.line()
        judged("rust", 1, 9)
        assert "rust answers judged  1/9" in progress.line()
        generated(2, 9)
        assert "rust answers judged  1/9" in progress.line(), "the next are drawn meanwhile"
        judged("rust", 9, 9)
        generated(1, 8)
        assert "prompts answered  1/8" in progress.line(), "those of the next suite"


def test_answers_that_share_no_build_are_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox: Any = None  # nothing is judged
    judge = InCrateJudge(sandbox, {}, {})
    suites: Any = [SimpleNamespace(name="holdout", judge=judge), SimpleNamespace(name="rust", judge=None)]
    evaluate._tell_alone(suites)
    assert capsys.readouterr().out == ""
    judge.alone.update({"signature": 2, "item": 1})
    evaluate._tell_alone(suites)
    assert capsys.readouterr().out == "  holdout: 3 answers judged in builds of their own (item 1, signature 2)\n"
