"""Which answers become training records."""

import msgspec
import pytest

from rustml import chat
from rustml.profile import load
from rustml.profile.expert_iteration import ExpertIterationSection, Tightening
from rustml.records import Origin, Problem, Status, Verdict
from rustml.testing import make_verdict
from rustml.training import selection
from rustml.training.selection import Answer, Judged
from tests.support.toy_models import problem

SECTION = load("tiny").expert_iteration
PROBLEM = problem(0)
PLAIN = "fn add_0(a: i64) -> i64 { a }"
LONGER = "fn add_0(a: i64) -> i64 { let sum = a; sum }"
DOCUMENTED = "/// Adds nothing.\nfn add_0(a: i64) -> i64 { a + 0 }"


def section(rounds: int = 3, **thresholds: tuple[float, float]) -> ExpertIterationSection:
    changed = {part: Tightening(first=first, last=last) for part, (first, last) in thresholds.items()}
    return msgspec.structs.replace(
        SECTION, rounds=rounds, thresholds=msgspec.structs.replace(SECTION.thresholds, **changed)
    )


def judged(code: str, status: Status = "passed", number: int = 1, sample: int = 0, **verdict: object) -> Judged:
    answer = Answer(problem=PROBLEM.id, round=number, sample=sample, text=f"Sure:\n{chat.fenced(code, 'rust')}\nDone.")
    return Judged(answer=answer, verdict=make_verdict("x", status, **verdict))  # type: ignore[arg-type]


def codes(answers: list[Judged], chosen: ExpertIterationSection, number: int = 1, of: Problem = PROBLEM) -> list[str]:
    best = selection.best(answers, {of.id: of}, chosen, number, "models:/m/1")
    return [made.pair.answer for made in best]


def test_the_best_by_idiom_and_documentation_is_kept_and_of_equals_the_shorter() -> None:
    answers = [judged(LONGER), judged(PLAIN, sample=1)]
    assert codes(answers, SECTION) == [chat.fenced(PLAIN, "rust")]
    assert codes([*answers, judged(DOCUMENTED, sample=2)], SECTION) == [chat.fenced(DOCUMENTED, "rust")]


def test_several_records_of_a_problem_differ() -> None:
    chosen = msgspec.structs.replace(SECTION, records=3)
    answers = [judged(PLAIN), judged(PLAIN, sample=1), judged(LONGER, sample=2)]
    assert codes(answers, chosen) == [chat.fenced(PLAIN, "rust"), chat.fenced(LONGER, "rust")]


@pytest.mark.parametrize("status", ["wrong", "compile_error", "policy", "incomplete", "run_timeout", "infrastructure"])
def test_what_did_not_pass_gives_no_record(status: Status) -> None:
    assert codes([judged(PLAIN, status)], SECTION) == []


def test_a_fault_gives_no_record_even_where_nothing_is_asked_for() -> None:
    nothing = section(compile=(0, 0), tests=(0, 0))
    assert codes([judged(PLAIN, "infrastructure")], nothing) == []
    assert codes([judged(PLAIN, "wrong")], nothing) == [chat.fenced(PLAIN, "rust")]


def test_an_answer_without_code_gives_no_record() -> None:
    bare = Judged(answer=Answer(problem=PROBLEM.id, round=1, sample=0, text="no"), verdict=None)
    assert codes([bare], section(compile=(0, 0), tests=(0, 0))) == []


def test_a_failed_answer_before_the_best_one_is_a_repair() -> None:
    section = msgspec.structs.replace(SECTION, repair_records=2)
    wrong = judged(LONGER, "wrong", sample=1, detail="1 of 1 tests failed")
    same, fault = judged(LONGER, "wrong", sample=2), judged(PLAIN, "infrastructure", sample=3)
    refused, third = judged("fn add_0() {", "compile_error", sample=4), judged("fn add_0() {}", "policy", sample=5)
    group = [wrong, same, fault, judged(PLAIN), refused, third]
    best = selection.best(group, {PROBLEM.id: PROBLEM}, section, 1, "models:/m/1")
    assert [made.pair.id for made in best] == ["toy/0#1.0", "toy/0#1.0<1.1", "toy/0#1.0<1.4"]
    assert [made.provenance.repairs for made in best] == ["", "1.1", "1.4"]
    repair = best[1].pair
    assert repair.earlier == ((PROBLEM.instruction, wrong.answer.text),)
    assert "1 of 1 tests failed" in repair.instruction
    assert repair.answer == best[0].pair.answer
    assert codes(group, SECTION) == [best[0].pair.answer], "only where the profile says so"
    assert selection.best([wrong], {PROBLEM.id: PROBLEM}, section, 1, "models:/m/1") == [], (
        "no answer to repair it with"
    )


def test_thresholds_tighten_by_round() -> None:
    two_lints = judged(PLAIN, clippy_clean=False, lints=("a", "b"))
    chosen = section(lints=(0.33, 0.5))
    assert [bool(codes([two_lints], chosen, number)) for number in (1, 2, 3)] == [True, False, False]
    assert Tightening(first=0.2, last=0.8).value(2, 3) == pytest.approx(0.5)
    assert Tightening(first=0.2, last=0.8).value(1, 1) == pytest.approx(0.2)


def test_the_score_is_the_weighted_mean_of_its_parts() -> None:
    weights = msgspec.structs.replace(SECTION.weights, compile=1.0, tests=1.0, lints=1.0, idiom=0.0, documentation=1.0)
    verdict = make_verdict("x", "wrong", clippy_clean=False, lints=("a",))
    half = msgspec.structs.replace(verdict, tests_passed=1, tests_expected=2)
    parts = selection.scores(DOCUMENTED, half, weights)
    assert (parts["compile"], parts["tests"], parts["lints"], parts["documentation"]) == (1.0, 0.5, 0.5, 1.0)
    assert parts["score"] == pytest.approx(0.75)


def test_lints_that_occur_often_count_each_time() -> None:
    verdict: Verdict = make_verdict("x", "passed", clippy_clean=False, lints=("a",))
    often = msgspec.structs.replace(verdict, lint_counts={"a": 3})
    assert selection.scores(PLAIN, often, SECTION.weights)["lints"] == pytest.approx(0.25)


def test_lints_are_asked_for_where_they_count() -> None:
    assert not selection.asks_for_lints(SECTION)
    assert selection.asks_for_lints(section(lints=(0.0, 0.5)))
    assert selection.asks_for_lints(load("qwen3-8b").expert_iteration)


def test_a_record_says_where_it_comes_from() -> None:
    (made,) = selection.best([judged(PLAIN, number=2, sample=3)], {PROBLEM.id: PROBLEM}, SECTION, 2, "models:/m/1")
    provenance = made.provenance
    assert (provenance.id, made.pair.id) == ("toy/0#2.3", "toy/0#2.3")
    assert (provenance.problem, provenance.source, provenance.licence) == ("toy/0", "toy", "MIT")
    assert (provenance.round, provenance.sample, provenance.sampler) == (2, 3, "models:/m/1, round 1")
    assert made.pair.origin.licence == "MIT"
    mined = msgspec.structs.replace(
        PROBLEM, origin=Origin(kind="crate", name="c", version="1.0", path="src/lib.rs", licence="MIT OR Apache-2.0")
    )
    (made,) = selection.best([judged(PLAIN)], {mined.id: mined}, SECTION, 1, "models:/m/1")
    assert (made.provenance.source, made.provenance.sampler) == ("c-1.0/src/lib.rs", "models:/m/1")
    assert made.pair.origin == mined.origin
