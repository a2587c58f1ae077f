import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.errors import InputError, JudgeFault
from rustml.evaluation.context import EvalContext
from rustml.evaluation.evaluate import evaluate
from rustml.evaluation.results.journal import Item
from rustml.evaluation.results.report_file import Evaluation, load
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Status, Verdict, read_jsonl
from rustml.testing import FakeGenerator, FakeJudge, FakeTokenizer
from tests.support.evaluation_doubles import made_suite, reading_judge

ANSWERS = ["fn f() {} // passed clean", "fn f() {} // passed", "fn f() {} // wrong", "fn f() {} // broken"]


def fenced(code: str) -> str:
    return f"Here:\n```rust\n{code}\n```\n"


def by_task(prompt: str, sample: int) -> str:
    return fenced(ANSWERS[(int(prompt.split()[1]) + sample) % 4])


def context(answer: Callable[[str, int], str] = by_task, **changes: Any) -> EvalContext:
    parts: dict[str, Any] = {
        "generator": FakeGenerator(answer),
        "tokenizer": FakeTokenizer(),
        "judge": reading_judge(),
        "judge_protocol": {"limits": 1},
    }
    return EvalContext(**{**parts, **changes})


def untimed(report: Evaluation) -> Evaluation:
    suites = {name: msgspec.structs.replace(suite, seconds={}) for name, suite in report.suites.items()}
    return msgspec.structs.replace(report, suites=suites, recorded={})


def test_every_item_is_counted_with_its_outcome(checkpoint: Path, tmp_path: Path) -> None:
    report = evaluate(checkpoint, [made_suite(8)], context(), tmp_path / "out")
    metrics = report.metrics()
    assert metrics["rust.items"] == 8
    assert metrics["rust.pass_rate"] == metrics["rust.pass_at_1"] == 0.5
    assert metrics["rust.compile_rate"] == 0.75
    assert metrics["rust.format_rate"] == 1.0
    assert metrics["rust.clippy_clean_rate"] == 0.25
    assert metrics["rust.clippy_clean_of_compiling"] == pytest.approx(1 / 3)
    assert metrics["rust.clippy_clean_of_passing"] == 0.5
    assert load(tmp_path / "out") == report


def test_items_hold_prompt_completion_code_and_verdict_in_problem_order(checkpoint: Path, tmp_path: Path) -> None:
    evaluate(checkpoint, [made_suite(11, samples=2)], context(), tmp_path / "out")
    items = list(read_jsonl(tmp_path / "out" / "items-rust.jsonl", Item))
    assert [(item.id, item.sample) for item in items] == [(f"p/{n}", k) for n in range(11) for k in range(2)]
    assert items[2].prompt == "task 1"
    assert items[2].completion == fenced(ANSWERS[1])
    assert items[2].code is not None
    assert items[2].code.strip() == ANSWERS[1]
    assert items[2].verdict.status == "passed"


def test_an_answer_without_code_fails_by_format_and_stays_in_the_denominator(checkpoint: Path, tmp_path: Path) -> None:
    judge = reading_judge()

    def answer(prompt: str, sample: int) -> str:
        return "I cannot." if prompt == "task 1" else by_task(prompt, sample)

    metrics = evaluate(checkpoint, [made_suite(4)], context(answer, judge=judge), tmp_path / "out").metrics()
    assert (metrics["rust.items"], metrics["rust.format_rate"], metrics["rust.pass_rate"]) == (4, 0.75, 0.25)
    assert [candidate.id for candidate in judge.judged] == ["p/0#0", "p/2#0", "p/3#0"]


def test_a_fault_is_counted_beside_the_rates(checkpoint: Path, tmp_path: Path) -> None:
    faulty = context(lambda _prompt, _sample: fenced("fn f() {} // infrastructure"))
    metrics = evaluate(checkpoint, [made_suite(3)], faulty, tmp_path / "out").metrics()
    assert (metrics["rust.faults"], metrics["rust.items"], metrics["rust.pass_rate"]) == (3, 3, 0)


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class KilledGenerator(FakeGenerator):
    def __init__(self, after: int) -> None:
        super().__init__(by_task)
        self._after = after

    def generate(self, prompts: Any, sampling: Any) -> list[list[str]]:
        if len(self.asked) >= self._after:
            raise Killed
        return super().generate(prompts, sampling)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("after", [1, 9, 17])
def test_a_killed_evaluation_goes_on_and_finds_the_same(
    checkpoint: Path, tmp_path: Path, after: int, ahead: bool
) -> None:
    whole = evaluate(checkpoint, [made_suite(30)], context(), tmp_path / "whole")
    killed = context(generator=KilledGenerator(after), ahead=ahead)
    with pytest.raises(Killed):
        evaluate(checkpoint, [made_suite(30)], killed, tmp_path / "out")
    assert not (tmp_path / "out" / "report.json").exists()
    assert not (tmp_path / "out" / "items-rust.jsonl").exists()
    rest = FakeGenerator(by_task)
    resumed = evaluate(checkpoint, [made_suite(30)], context(generator=rest), tmp_path / "out")
    assert untimed(resumed) == untimed(whole)
    assert len(rest.asked) == 30 - 8 * -(-after // 8)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "items-rust.jsonl",
        "report.json",
        "style-rust.json",
    ]


def test_a_line_torn_by_a_kill_is_made_again(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Killed):
        evaluate(checkpoint, [made_suite(30)], context(generator=KilledGenerator(16)), out)
    (journal,) = out.glob("journal-*")
    journal.write_bytes(journal.read_bytes()[:-7])
    rest = FakeGenerator(by_task)
    resumed = evaluate(checkpoint, [made_suite(30)], context(generator=rest), out)
    assert len(rest.asked) == 22
    assert untimed(resumed) == untimed(evaluate(checkpoint, [made_suite(30)], context(), tmp_path / "whole"))


def test_a_chunk_is_drawn_while_the_one_before_it_is_judged(checkpoint: Path, tmp_path: Path) -> None:
    generator = FakeGenerator(by_task)

    def decide(_: Candidate) -> Status:
        deadline = time.monotonic() + 10
        while len(generator.asked) <= 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        return "passed" if len(generator.asked) > 8 else "infrastructure"

    meeting = context(generator=generator, judge=FakeJudge(decide), ahead=True)
    metrics = evaluate(checkpoint, [made_suite(30)], meeting, tmp_path).metrics()
    assert (metrics["rust.items"], metrics["rust.faults"]) == (30, 0)


def test_a_chunk_is_drawn_after_the_one_before_it_where_both_take_the_same_processors(
    checkpoint: Path, tmp_path: Path
) -> None:
    generator = FakeGenerator(by_task)
    drawn: list[int] = []

    def decide(_: Candidate) -> Status:
        drawn.append(len(generator.asked))
        return "passed"

    evaluate(checkpoint, [made_suite(30)], context(generator=generator, judge=FakeJudge(decide)), tmp_path)
    assert drawn == [*[8] * 8, *[16] * 8, *[24] * 8, *[30] * 6]


def test_a_judge_that_fails_ends_the_evaluation_before_everything_is_drawn(checkpoint: Path, tmp_path: Path) -> None:
    def fail(_: Candidate) -> Status:
        raise JudgeFault("the compiler is gone")

    generator = FakeGenerator(by_task)
    failing = context(generator=generator, judge=FakeJudge(fail), ahead=True)
    with pytest.raises(JudgeFault, match="the compiler is gone"):
        evaluate(checkpoint, [made_suite(80)], failing, tmp_path)
    assert len(generator.asked) <= 16, "two chunks of eight"


@pytest.mark.parametrize("change", ["weights", "protocol"])
def test_nothing_is_taken_over_from_other_weights_or_another_protocol(
    checkpoint: Path, tmp_path: Path, change: str
) -> None:
    with pytest.raises(Killed):
        evaluate(checkpoint, [made_suite(30)], context(generator=KilledGenerator(16)), tmp_path / "out")
    if change == "weights":
        (checkpoint / "model.safetensors").write_bytes(b"other")
    rest = FakeGenerator(by_task)
    other = context(generator=rest, judge_protocol={"limits": 2 if change == "protocol" else 1})
    evaluate(checkpoint, [made_suite(30)], other, tmp_path / "out")
    assert len(rest.asked) == 30


class ReversingJudge(FakeJudge):
    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        return super().judge(candidates, progress)[::-1]


def test_verdicts_out_of_order_are_a_fault_of_the_judge(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(JudgeFault, match="order"):
        evaluate(checkpoint, [made_suite(4)], context(judge=ReversingJudge()), tmp_path / "out")


def test_a_folder_without_weights_is_refused_before_anything_is_generated(tmp_path: Path) -> None:
    generator = FakeGenerator(by_task)
    with pytest.raises(InputError, match="no checkpoint"):
        evaluate(tmp_path, [made_suite(4)], context(generator=generator), tmp_path / "out")
    assert not generator.asked


def test_progress_counts_answers_up_to_their_total(checkpoint: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    evaluate(
        checkpoint,
        [made_suite(20, samples=3)],
        context(watch=lambda suite, done, total: seen.append((suite, done, total))),
        tmp_path / "out",
    )
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1] == ("rust", 60, 60)


def test_protocol_digests_move_with_everything_that_moves_a_score(checkpoint: Path, tmp_path: Path) -> None:
    suite = made_suite(3)
    other_tests = msgspec.structs.replace(suite.problems[0], tests="#[test] fn u() {}")
    variants = [
        (suite, context()),
        (made_suite(4), context()),
        (made_suite(3, samples=2), context()),
        (dataclasses.replace(suite, problems=(other_tests, *suite.problems[1:])), context()),
        (suite, context(judge_protocol={"limits": 2})),
        (suite, context(generator=FakeGenerator(by_task, batch_size=3))),
    ]
    digests = [
        evaluate(checkpoint, [given], on, tmp_path / str(number)).suites["rust"].protocol_digest
        for number, (given, on) in enumerate(variants)
    ]
    assert len(set(digests)) == len(digests)
    again = evaluate(checkpoint, [suite], context(), tmp_path / "again")
    assert again.suites["rust"].protocol_digest == digests[0]
