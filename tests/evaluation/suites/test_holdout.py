"""Held-out pairs as a suite: found in their crates by span, judged there or by their text, part of the digest."""

from dataclasses import replace

import msgspec
import pytest

from rustml.evaluation.kinds.holdout import INPLACE
from rustml.evaluation.suites.crates import Sources
from rustml.evaluation.suites.holdout import HeldOutProblem, Holdout, of_most_asked_crates
from rustml.evaluation.suites.suite import Suite
from rustml.judge import Limits
from rustml.profile import load
from rustml.records import Origin, Pair, candidate_of, write_jsonl
from tests.support.crates import TOTAL, pair, write_source
from tests.support.in_crate import require_sandbox

LIMITS = Limits(cpu_seconds=2.0, run_seconds=20.0)


def held_out(number: int, crate: str, task: str = "sig_doc_impl") -> Pair:
    origin = Origin(
        kind="crate", name=crate, version="1.0.0", licence="MIT", path="src/lib.rs", url="", sha256="0" * 64
    )
    return Pair(id=f"{number:016x}", task=task, instruction="ask", answer="fn f() {}", origin=origin)


def test_the_crates_with_the_most_pairs_that_ask_for_code_are_chosen() -> None:
    pairs = [held_out(0, "names", "function_naming"), held_out(1, "names", "function_naming"), held_out(2, "one")]
    pairs += [held_out(number, "two") for number in (3, 4)] + [held_out(5, "two", "function_naming")]
    pairs += [held_out(6, "another")]
    assert [pair.id[-1] for pair in of_most_asked_crates(pairs, 1)] == ["3", "4", "5"]
    assert {pair.origin.name for pair in of_most_asked_crates(pairs, 2)} == {"two", "another"}, "then by name"
    assert {pair.origin.name for pair in of_most_asked_crates(pairs, 9)} == {"one", "two", "another"}


@pytest.fixture(scope="module")
def verdicts_and_suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Suite]:
    """Statuses of every reference given as an answer, and the suite."""
    root = tmp_path_factory.mktemp("holdout")
    vendor = root / "vendor"
    write_source(vendor)
    total, anchor = pair(vendor, TOTAL), pair(vendor, TOTAL, task="anchor_code")
    lost = msgspec.structs.replace(pair(vendor, TOTAL, task="instruction_code"), span=(0, 0))
    write_jsonl(root / "holdout.jsonl", [total, anchor, lost])
    section = msgspec.structs.replace(load("tiny").evaluation.suites["holdout"], limit=0, crates=0)
    require_sandbox()
    brought = Sources(root / "none", str(vendor), root / "cache", root / "brought")
    with Holdout(root, brought, LIMITS, lambda *_: None) as maker:
        suite = maker.suite("holdout", section, 1)
        assert suite.judge is not None
        answers = [candidate_of(problem, TOTAL, f"{problem.id}#0") for problem in suite.problems]
        judged = suite.judge.judge(answers, lambda *_: None)
    names = {total.id: "total", anchor.id: "anchor", lost.id: "lost"}
    return {names[verdict.id.rpartition("#")[0]]: verdict.sandbox for verdict in judged}, suite


def test_a_pair_is_judged_in_its_crate_and_others_by_their_text(
    verdicts_and_suite: tuple[dict[str, str], Suite],
) -> None:
    sandboxes, suite = verdicts_and_suite
    assert sandboxes["total"].startswith("bubblewrap")
    assert (sandboxes["anchor"], sandboxes["lost"]) == ("none", "none")
    assert sorted(problem.tags[INPLACE] for problem in suite.problems) == ["not_found_in_file", "tests", "text_only"]
    reasons = {reason: count for reason, count in suite.excluded.items() if count}
    assert reasons == {"not_found_in_file": 1}, "an anchor asks for no code that could be judged"
    assert suite.account is not None
    assert suite.account.counts() == {"asked": 2, "compile": 1, "tests": 1}
    assert (suite.account.complaints, suite.account.dependencies) == ({}, {})


def test_what_a_pair_is_judged_by_is_part_of_the_suites_digest(
    verdicts_and_suite: tuple[dict[str, str], Suite],
) -> None:
    _, suite = verdicts_and_suite
    problems = [problem for problem in suite.problems if isinstance(problem, HeldOutProblem)]
    assert len(problems) == len(suite.problems)
    fewer = [
        msgspec.structs.replace(problem, eligibility=msgspec.structs.replace(problem.eligibility, examples=()))
        for problem in problems
    ]
    assert replace(suite, problems=tuple(fewer)).data_digest != suite.data_digest
