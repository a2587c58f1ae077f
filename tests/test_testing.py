"""The doubles that ship."""

import pytest

from rustml.generation.sampling import Prompt, Sampling
from rustml.judge import Judge
from rustml.judge.judging import Judging
from rustml.records import Candidate
from rustml.testing import FakeGenerator, FakeJudge, make_verdict

CANDIDATES = [Candidate(id=name, code=f"fn {name}() {{}}", tests="", entry_point=name) for name in ("a", "b", "c")]


def test_a_function_decides_in_the_order_of_the_candidates() -> None:
    judge = FakeJudge(lambda candidate: "wrong" if "fn b" in candidate.code else "passed")
    verdicts = judge.judge(CANDIDATES)
    assert [(verdict.id, verdict.status) for verdict in verdicts] == [("a", "passed"), ("b", "wrong"), ("c", "passed")]
    assert judge.judged == CANDIDATES


def test_a_table_decides_by_id_and_gives_its_verdicts_the_candidates_ids() -> None:
    judge = FakeJudge({"a": "passed", "b": make_verdict("other", "compile_error", detail="as told")})
    first, second = judge.judge(CANDIDATES[:2])
    assert (first.status, second.status) == ("passed", "compile_error")
    assert (second.id, second.detail) == ("b", "as told")
    with pytest.raises(KeyError):
        judge.judge(CANDIDATES[2:])


def test_answers_are_given_in_turn_across_calls() -> None:
    judge = FakeJudge.in_turn("passed", "wrong")
    statuses = [verdict.status for _ in range(2) for verdict in judge.judge(CANDIDATES)]
    assert statuses == ["passed", "wrong", "passed", "wrong", "passed", "wrong"]


def test_progress_is_called_after_each_candidate() -> None:
    calls: list[tuple[int, int]] = []
    FakeJudge().judge(CANDIDATES, lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("status", "compiles"), [("passed", True), ("wrong", True), ("compile_error", False), ("infrastructure", None)]
)
def test_a_verdict_says_what_its_status_implies(status: str, compiles: bool | None) -> None:
    verdict = make_verdict("x", status)  # type: ignore[arg-type]
    assert (verdict.compiles, verdict.tests_passed) == (compiles, int(status == "passed"))


def test_the_judge_and_its_double_are_one_to_the_type_checker() -> None:
    judges: list[type[Judging]] = [Judge, FakeJudge]
    assert all(callable(judge.judge) for judge in judges)


def test_a_fake_generator_answers_each_prompt_and_sample_and_remembers() -> None:
    generator = FakeGenerator(lambda text, sample: f"{text}{sample}")
    sampling = Sampling(temperature=1.0, top_p=1.0, samples=2, max_new_tokens=8, stops=(), seed=1)
    prompts = [Prompt.question(generator.tokenizer, "add"), Prompt.raw(generator.tokenizer, "fn")]
    assert generator.generate(prompts, sampling) == [["add0", "add1"], ["fn0", "fn1"]]
    assert generator.asked == ["add", "fn"]
    assert not generator.closed
    generator.close()
    assert generator.closed
