"""RustEvo² as a suite: its own protocol and ours, results by kind of change, unsafe code by setting."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import InputError, ProfileError
from rustml.evaluation.results.report_file import load as load_report
from rustml.evaluation.suites.assembly import suites_of
from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.judge import Judge
from rustml.profile import load
from rustml.records import Problem, write_jsonl
from rustml.testing import FakeTokenizer
from tests.banks.sources.test_rustevo import CHANGE, TASK, write
from tests.support.problems import make_problem
from tests.support.random_model import random_model
from tests.support.suite_runs import LIMITS, answered, asked, banks, measured, sections

RIGHT = "```rust\nfn twice(x: i32) -> i32 {\n    x.saturating_mul(2)\n}\n```"
OTHER_API = "```rust\nfn twice(x: i32) -> i32 {\n    x.wrapping_mul(2)\n}\n```"
OTHER_NAME = "```rust\nfn double(x: i32) -> i32 {\n    x.saturating_mul(2)\n}\n```"
WRONG = "```rust\nfn twice(x: i32) -> i32 {\n    x.saturating_mul(3)\n}\n```"


def problem(number: int, **changes: Any) -> Problem:
    fields = {
        "bank": "rustevo2",
        "instruction": "Double a number.",
        "entry_point": "twice",
        "reference": "fn twice(x: i32) -> i32 { x.saturating_mul(2) }",
        "tests": TASK["test_program"],
        "tags": {"category": "stabilized", "api": "num::saturating_mul", "api_facts": "- Name: saturating_mul"},
    }
    return make_problem(f"RustEvo2/{number}", **{**fields, **changes})


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(LIMITS, workers=1) as made:
        yield made


def test_the_protocol_asks_with_the_api_and_refuses_an_answer_without_it() -> None:
    protocol, one = PROTOCOLS["rustevo2"], problem(1)
    assert "- Name: saturating_mul" in protocol.prompt(one, FakeTokenizer(), ()).text
    right, other = (protocol.code(one, text) for text in (RIGHT, OTHER_API))
    assert right is not None
    assert other is not None
    assert protocol.refusal(one, right) == ""
    assert protocol.refusal(one, other) == "the protocol asks for the API `num::saturating_mul`"
    assert protocol.refusal(one, "fn twice() { unsaturating_mul2() }") != ""
    assert protocol.code(one, OTHER_NAME) is None
    assert protocol.code(one, "fn twice(x: i32) -> i32 { x }") == "fn twice(x: i32) -> i32 { x }", "no fence"
    assert protocol.code(one, f"{WRONG}\nor\n{RIGHT}") == WRONG.split("\n", 1)[1].removesuffix("```"), "the first block"


def test_tasks_without_changes_cannot_be_asked_by_upstreams_protocol(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rustevo2.jsonl", [problem(1), problem(2, tags={})])
    with pytest.raises(InputError, match=r"suites\.evo: .*RustEvo2/2 has no API change: .*folder with both files"):
        suites_of(sections(evo={"problems": "rustevo2", "protocol": "rustevo2"}), tmp_path, seed=1)
    suites_of(sections(evo={"problems": "rustevo2"}), tmp_path, seed=1)


def test_unsafe_code_is_a_setting_of_the_suite_and_part_of_its_protocol(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rustevo2.jsonl", [problem(1), problem(2, policy="unsafe")])
    common = {"problems": "rustevo2"}
    declared, allowed, refused = suites_of(
        sections(a=common, b={**common, "unsafe_code": "allowed"}, c={**common, "unsafe_code": "refused"}),
        tmp_path,
        seed=1,
    )
    assert [one.policy for one in declared.problems] == ["strict", "unsafe"]
    assert [one.policy for one in allowed.problems] == ["unsafe", "unsafe"]
    assert [one.id for one in refused.problems] == ["RustEvo2/1"]
    assert refused.excluded == {"unsafe_code": 1}
    assert declared.excluded == {}
    assert len({suite.data_digest for suite in (declared, allowed, refused)}) == 3
    write_jsonl(tmp_path / "rustevo2.jsonl", [problem(2, policy="unsafe")])
    with pytest.raises(InputError, match="unsafe_code: refused leaves no problem"):
        suites_of(sections(c={**common, "unsafe_code": "refused"}), tmp_path, seed=1)


def test_a_profile_that_allows_what_its_judge_refuses_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"suites\.rust\.unsafe_code is `allowed`"):
        load("tiny", ["evaluation.suites.rust.unsafe_code=allowed"])
    load("tiny", ["evaluation.suites.rust.unsafe_code=allowed", "judge.weak_integrity=accepted"])


def test_upstreams_rule_on_signatures_is_a_setting(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "made.jsonl", [problem(1), problem(2, pinned=False)])
    common = {"problems": "made"}
    ours, theirs = suites_of(sections(a=common, b={**common, "signatures": "upstream"}), tmp_path, seed=1)
    assert [one.pinned for one in ours.problems] == [True, False]
    assert [one.pinned for one in theirs.problems] == [False, False]


def test_results_stand_by_kind_of_change_with_the_use_of_the_api(
    judge: Judge, checkpoint: Path, tmp_path: Path
) -> None:
    kinds = ["stabilized", "stabilized", "signature", "signature", "deprecated"]
    tasks = [{**TASK, "task_idx": n, "query": f"task {n}"} for n in range(5)]
    folder = write(tmp_path / "set", tasks, [{**CHANGE, "change_type": kind} for kind in kinds])
    report = banks(tmp_path / "banks", judge, rustevo2=folder)
    assert report.counts == {**dict.fromkeys(report.counts, 0), "rustevo2": 5}
    answers = dict(enumerate([RIGHT, OTHER_API, WRONG, OTHER_NAME, RIGHT]))

    def answer(prompt: str, _sample: int) -> str:
        return answers[next(n for n in range(5) if f"task {n}" in prompt)]

    suites = asked(
        tmp_path / "banks",
        sections(evo={"problems": "rustevo2", "protocol": "rustevo2"}, own={"problems": "rustevo2"}),
    )
    evaluation = answered(suites, answer, judge, checkpoint, tmp_path / "out")
    statuses = [samples[0].status for samples in evaluation.suites["evo"].outcomes.values()]
    assert statuses == ["passed", "policy", "wrong", "format", "passed"]
    metrics = evaluation.metrics()
    assert (metrics["evo.pass_at_1"], metrics["evo.api_rate"]) == (0.4, 0.6)
    assert (metrics["evo.stabilized.pass_rate"], metrics["evo.stabilized.items"]) == (0.5, 2)
    assert (metrics["evo.signature.pass_rate"], metrics["evo.deprecated.pass_rate"]) == (0.0, 1.0)
    assert metrics["own.pass_at_1"] == 0.6, "by our protocol the tests alone decide"
    assert metrics["own.stabilized.pass_rate"] == 1.0
    assert (metrics["evo.compile_rate"], metrics["own.compile_rate"]) == (0.6, 0.8)
    assert load_report(tmp_path / "out").metrics() == metrics


@pytest.mark.slow
def test_a_real_model_is_measured_on_both_protocols(judge: Judge, tmp_path: Path) -> None:
    folder = write(tmp_path / "set", [{**TASK, "task_idx": n} for n in range(2)], [CHANGE] * 2)
    banks(tmp_path / "banks", judge, rustevo2=folder)
    section = sections(
        evo={"problems": "rustevo2", "protocol": "rustevo2", "temperature": 0.7}, own={"problems": "rustevo2"}
    )
    model = random_model(tmp_path / "model", context=2048)
    evaluation = measured(asked(tmp_path / "banks", section), section, judge, model, tmp_path / "out")
    metrics = evaluation.metrics()
    assert (metrics["evo.items"], metrics["evo.faults"], metrics["evo.pass_at_1"]) == (2, 0, 0)
    assert evaluation.suites["evo"].protocol_digest != evaluation.suites["own"].protocol_digest
