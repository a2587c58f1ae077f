"""The second attempt: what it sees, what it counts as, and what it leaves alone."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.errors import InputError
from rustml.evaluation.context import EvalContext
from rustml.evaluation.evaluate import evaluate
from rustml.evaluation.repair import NO_ROOM
from rustml.evaluation.results.journal import Item
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.suites.assembly import suites_of
from rustml.generation.sampling import Prompt, PromptTooLong, Sampling
from rustml.judge import Judge
from rustml.judge.repair_question import question
from rustml.records import Candidate, Verdict, read_jsonl, write_jsonl
from rustml.testing import FakeGenerator, FakeJudge, FakeTokenizer, make_verdict
from tests.banks.sources.test_polyglot import exercise
from tests.support.evaluation_doubles import made_suite, problem, reading_judge
from tests.support.random_model import random_model
from tests.support.suite_runs import LIMITS, answered, asked, banks, measured, sections

AGAIN = "The tests are right."


def fenced(status: str) -> str:
    return f"```rust\nfn f() {{}} // {status}\n```"


def measure(answer: Callable[[str, int], str], checkpoint: Path, out: Path, items: int = 4, **parts: Any) -> Evaluation:
    suite = dataclasses.replace(made_suite(items, parts.pop("samples", 1)), repair=True)
    given = {"generator": FakeGenerator(answer), "judge": reading_judge(), **parts}
    return evaluate(checkpoint, [suite], EvalContext(tokenizer=FakeTokenizer(), judge_protocol={}, **given), out)


def items_of(out: Path) -> list[Item]:
    return list(read_jsonl(out / "items-rust.jsonl", Item))


def by_task(first: Sequence[str], second: Sequence[str]) -> Callable[[str, int], str]:
    """Answers of these statuses by the number of the task, in the first and in the second attempt."""

    def answer(text: str, _sample: int) -> str:
        number = int(text.split()[1])
        status = (second if AGAIN in text else first)[number]
        return "Sorry." if status == "format" else fenced(status)

    return answer


def test_both_attempts_are_counted_and_the_first_stays_what_it_was(checkpoint: Path, tmp_path: Path) -> None:
    first, second = ["passed", "wrong", "broken", "format", "wrong"], ["-", "passed", "passed", "wrong", "format"]
    report = measure(by_task(first, second), checkpoint, tmp_path / "out", items=5)
    metrics = report.metrics()
    assert (metrics["rust.pass_at_1"], metrics["rust.pass_after_repair"]) == (0.2, 0.6)
    assert (metrics["rust.repair_asked"], metrics["rust.repair_no_room"]) == (4, 0)
    assert metrics["rust.format_rate"] == 0.8, "of the first attempt"
    assert report.suites["rust"].values("repair") == {"p/0": 1, "p/1": 1, "p/2": 1, "p/3": 0, "p/4": 0}
    assert [item.repair is None for item in items_of(tmp_path / "out")] == [True, False, False, False, False]
    assert report.suites["rust"].protocol["repair"] == 1


def test_the_second_question_follows_the_first_answer_and_shows_the_output(checkpoint: Path, tmp_path: Path) -> None:
    def decide(candidate: Candidate) -> Verdict:
        verdict = make_verdict(candidate.id, "passed" if "passed" in candidate.code else "wrong")
        assert candidate.explained
        return msgspec.structs.replace(verdict, output="test adds did not pass")

    measure(by_task(["wrong"], ["passed"]), checkpoint, tmp_path / "out", items=1, judge=FakeJudge(decide))
    (item,) = items_of(tmp_path / "out")
    assert item.repair is not None
    assert item.repair.prompt.startswith(f"task 0\n{fenced('wrong')}\nThis answer did not pass.")
    assert "```text\ntest adds did not pass\n```" in item.repair.prompt
    assert (item.verdict.status, item.repair.verdict.status) == ("wrong", "passed")
    assert item.completion == fenced("wrong")


def test_without_output_the_detail_is_shown() -> None:
    assert "```text\nno code block\n```" in question(make_verdict("a", "format", detail="no code block"))


def test_a_fault_of_the_judge_is_not_repaired_and_one_in_the_second_attempt_is_counted(
    checkpoint: Path, tmp_path: Path
) -> None:
    answer = by_task(["infrastructure", "wrong", "passed"], ["passed", "infrastructure", "-"])
    report = measure(answer, checkpoint, tmp_path / "out", items=3)
    assert report.metrics()["rust.faults"] == 2
    assert report.suites["rust"].values("repair") == {"p/2": 1}
    assert items_of(tmp_path / "out")[0].repair is None


class Narrow(FakeGenerator):
    """An engine with room for short prompts alone."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        for number, prompt in enumerate(prompts):
            if "task 1" in prompt.text and AGAIN in prompt.text:
                raise PromptTooLong("no room", number)
        return super().generate(prompts, sampling)


def test_a_conversation_without_room_is_counted_and_the_others_are_asked(checkpoint: Path, tmp_path: Path) -> None:
    generator = Narrow(by_task(["wrong"] * 4, ["passed"] * 4))
    report = measure(generator._answer, checkpoint, tmp_path / "out", generator=generator)
    assert report.metrics()["rust.pass_after_repair"] == 0.75
    assert (report.metrics()["rust.repair_asked"], report.metrics()["rust.repair_no_room"]) == (3, 1)
    second = items_of(tmp_path / "out")[1].repair
    assert second is not None
    assert (second.asked, second.completion, second.verdict.detail) == (False, "", NO_ROOM)


def test_each_sample_has_its_own_second_attempt(checkpoint: Path, tmp_path: Path) -> None:
    def answer(text: str, sample: int) -> str:
        return fenced("passed") if AGAIN in text or sample == 0 else fenced("wrong")

    report = measure(answer, checkpoint, tmp_path / "out", items=2, samples=3)
    assert (report.metrics()["rust.pass_at_1"], report.metrics()["rust.pass_after_repair"]) == (pytest.approx(1 / 3), 1)
    assert report.metrics()["rust.repair_asked"] == 4


def test_a_suite_without_repair_asks_once_and_has_another_protocol(checkpoint: Path, tmp_path: Path) -> None:
    generator, judge = FakeGenerator(by_task(["wrong"], ["passed"])), reading_judge()
    context = EvalContext(generator, FakeTokenizer(), judge, {})
    report = evaluate(checkpoint, [made_suite(1)], context, tmp_path / "once")
    assert len(generator.asked) == 1
    assert not judge.judged[0].explained
    assert not [name for name in report.metrics() if "repair" in name]
    twice = measure(by_task(["wrong"], ["passed"]), checkpoint, tmp_path / "out", items=1)
    assert report.suites["rust"].protocol_digest != twice.suites["rust"].protocol_digest


@pytest.mark.parametrize(
    "changes", [{"group": "retention"}, {"protocol": "humaneval"}, {"group": "untested"}, {"protocol": "mbpp_chat"}]
)
def test_repair_is_refused_where_no_second_question_can_be_asked(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_jsonl(tmp_path / "made.jsonl", [problem(1)])
    with pytest.raises(InputError, match=r"suites\.a\.repair: a second attempt is there for the group rust with"):
        suites_of(sections(a={"problems": "made", "repair": True, **changes}), tmp_path, seed=1)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(LIMITS, workers=1) as made:
        yield made


def test_an_exercise_is_repaired_after_the_real_judges_words(judge: Judge, checkpoint: Path, tmp_path: Path) -> None:
    report = banks(tmp_path / "banks", judge, polyglot_rust=exercise(tmp_path / "set"))
    assert report.counts["polyglot-rust"] == 1
    section = sections(polyglot={"problems": "polyglot-rust", "protocol": "exercise", "repair": True})

    def answer(text: str, _sample: int) -> str:
        factor = "2" if "assert_eq!(twice(2), 4)" in text else "3"
        return f"Here:\n```rust\npub fn twice(x: u32) -> u32 {{\n    {factor} * x\n}}\n```"

    evaluation = answered(asked(tmp_path / "banks", section), answer, judge, checkpoint, tmp_path / "out")
    assert (evaluation.metrics()["polyglot.pass_at_1"], evaluation.metrics()["polyglot.pass_after_repair"]) == (0, 1)


@pytest.mark.slow
def test_a_real_model_gets_two_attempts(judge: Judge, tmp_path: Path) -> None:
    banks(tmp_path / "banks", judge, polyglot_rust=exercise(tmp_path / "set"))
    section = sections(polyglot={"problems": "polyglot-rust", "protocol": "exercise", "repair": True})
    model = random_model(tmp_path / "model", context=2048)
    evaluation = measured(asked(tmp_path / "banks", section), section, judge, model, tmp_path / "out")
    metrics = evaluation.metrics()
    assert (metrics["polyglot.items"], metrics["polyglot.pass_after_repair"], metrics["polyglot.repair_asked"]) == (
        1,
        0,
        1,
    )
