"""Verdicts as rewards: the judge's own faults are none."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml import chat
from rustml.errors import JudgeFault
from rustml.profile.grpo import GrpoSection, SamplesSection
from rustml.records import Diagnostic, Status, Verdict
from rustml.testing import FakeJudge, make_verdict
from rustml.training.reward import JudgeReward, samples, score
from tests.support.toy_models import problem, profile

SECTION = msgspec.structs.replace(
    profile().grpo,
    reward_malformed=-0.2,
    reward_uncompiled=0.01,
    reward_compiled=0.3,
    reward_passed=1.0,
    reward_clippy=0.5,
    health=msgspec.structs.replace(profile().grpo.health, fault_share=1.0),
)
PROBLEMS = {problem(number).id: problem(number) for number in range(8)}
ANSWERS = [chat.answer(found) for found in PROBLEMS.values()]


@pytest.mark.parametrize(
    ("status", "compiles", "clean", "reward"),
    [
        ("passed", True, True, 1.5),
        ("passed", True, False, 1.0),
        ("passed", True, None, 1.0),
        ("wrong", True, True, 0.3),
        ("incomplete", True, True, 0.3),
        ("run_timeout", True, None, 0.3),
        ("out_of_memory", True, None, 0.3),
        ("crashed", True, None, 0.3),
        ("compile_error", False, None, 0.01),
        ("compile_timeout", False, None, 0.01),
        ("policy", None, None, 0.01),
        ("format", None, None, -0.2),
        ("infrastructure", None, None, None),
        ("infrastructure", True, True, None),
    ],
)
def test_every_status_has_its_reward(
    status: Status, compiles: bool | None, clean: bool | None, reward: float | None
) -> None:
    verdict = msgspec.structs.replace(make_verdict("x", status), compiles=compiles, clippy_clean=clean)
    assert score(verdict, SECTION) == reward


@pytest.mark.parametrize(("passed", "expected", "points"), [(0, 4, 0.3), (3, 4, 0.6), (4, 4, 0.7), (0, 0, 0.3)])
def test_code_that_fails_some_tests_may_earn_its_share_of_them(passed: int, expected: int, points: float) -> None:
    section = msgspec.structs.replace(SECTION, reward_tests=0.4)
    verdict = msgspec.structs.replace(make_verdict("x", "wrong"), tests_passed=passed, tests_expected=expected)
    assert score(verdict, section) == pytest.approx(points)
    assert score(verdict, SECTION) == 0.3, "only where the profile says so"
    assert score(msgspec.structs.replace(verdict, compiles=False), section) == 0.01


ERRORS = ("E0308", "E0425")


def refused(*codes: str) -> Verdict:
    errors = tuple(Diagnostic(code=code, message=f"says {code}") for code in codes)
    return msgspec.structs.replace(make_verdict("x", "compile_error"), errors=errors)


def test_code_that_does_not_compile_may_earn_the_share_of_errors_that_are_gone() -> None:
    section = msgspec.structs.replace(SECTION, reward_errors_gone=0.2)
    before = frozenset(ERRORS)
    assert score(refused("E0308"), section, before) == pytest.approx(0.11)
    assert score(refused(*ERRORS), section, before) == 0.01
    assert score(refused("E0308"), section) == 0.01, "the prompt shows no broken code"
    assert score(refused("E0308"), SECTION, before) == 0.01, "only where the profile says so"
    assert score(make_verdict("x", "wrong"), section, before) == 0.3


def test_errors_of_code_that_a_problem_shows_are_judged_once() -> None:
    shown = msgspec.structs.replace(PROBLEMS["toy/0"], broken="fn add_0() { x }")
    verdicts = {"toy/0": refused(*ERRORS), "toy/0#0": refused("E0425"), "toy/0#1": refused("E0599")}
    judge = FakeJudge(verdicts)
    section = msgspec.structs.replace(SECTION, reward_errors_gone=0.2)
    function = JudgeReward(judge, {"toy/0": shown}, section, 1)
    for _ in range(2):
        assert function([ANSWERS[0]] * 2, ["toy/0"] * 2) == [pytest.approx(0.11), 0.01]
    assert [candidate.id for candidate in judge.judged].count("toy/0") == 1


def test_failing_must_not_pay_more_than_compiling() -> None:
    with pytest.raises(ValueError, match="reward_errors_gone must not exceed reward_compiled"):
        msgspec.structs.replace(SECTION, reward_errors_gone=0.4).__post_init__()


def guarded(**guards: float) -> GrpoSection:
    return msgspec.structs.replace(SECTION, guards=msgspec.structs.replace(SECTION.guards, **guards))


def test_an_answer_in_another_language_earns_no_more_than_the_profile_allows() -> None:
    said: dict[str, float] = {}
    judge = FakeJudge.in_turn("passed", "passed", "infrastructure", "compile_error")
    function = JudgeReward(judge, PROBLEMS, guarded(foreign_reward=0.0), 1)
    answers = [f"{text}\n```python\nx = 1\n```" if number else text for number, text in enumerate(ANSWERS[:4])]
    rewards = function(answers, list(PROBLEMS)[:4], log_metric=said.__setitem__)
    assert rewards == [1.0, 0.0, None, 0.0], "a fault stays one"
    assert said["guard.foreign"] == 0.75
    assert reward()[0](answers[1:2], ["toy/1"]) == [1.0], "only where the profile says so"


def test_a_long_answer_is_punished_over_the_last_tokens() -> None:
    said: dict[str, float] = {}
    limit = SECTION.max_new_tokens
    function = JudgeReward(FakeJudge(), PROBLEMS, guarded(overlong_cache=4, overlong_penalty=0.5), 1)
    tokens = [[1] * (limit - 4), [1] * (limit - 2), [1] * limit]
    given: dict[str, Any] = {"completion_ids": tokens, "log_metric": said.__setitem__}
    assert function(ANSWERS[:3], list(PROBLEMS)[:3], **given) == [1.0, 0.75, 0.5]
    assert said["guard.overlong"] == pytest.approx(2 / 3)


def test_the_punished_tokens_lie_below_the_limit() -> None:
    with pytest.raises(ValueError, match="overlong_cache must not exceed max_new_tokens"):
        guarded(overlong_cache=SECTION.max_new_tokens + 1).__post_init__()


def reward(*statuses: Status, kind: str = "judge", seed: int = 1) -> tuple[JudgeReward, FakeJudge]:
    judge = FakeJudge.in_turn(*(statuses or ("passed",)))
    return JudgeReward(judge, PROBLEMS, msgspec.structs.replace(SECTION, reward=kind), seed), judge


def test_rewards_stand_in_the_order_of_the_completions() -> None:
    function, judge = reward("passed", "infrastructure", "compile_error")
    rewards = function([ANSWERS[0], "no code", ANSWERS[2], ANSWERS[3]], ["toy/0", "toy/1", "toy/2", "toy/3"])
    assert rewards == [1.0, -0.2, None, 0.01]
    assert [candidate.entry_point for candidate in judge.judged] == ["add_0", "add_2", "add_3"], "no code, no judge"


def test_the_tests_are_the_problems_own() -> None:
    function, judge = reward()
    answer = "```rust\nfn add_0(a: i64) -> i64 { 0 }\n#[test]\nfn adds() {}\n```"
    function([answer], ["toy/0"])
    assert judge.judged[0].tests == PROBLEMS["toy/0"].tests


def test_shares_are_logged_and_none_counts_as_passed() -> None:
    said: dict[str, float] = {}
    function, _ = reward("passed", "infrastructure")
    function([*ANSWERS[:2], "no code", "no code"], list(PROBLEMS)[:4], log_metric=said.__setitem__)
    shares = {name: value for name, value in said.items() if name.startswith("share.")}
    nothing = {"share.policy": 0.0, "share.incomplete": 0.0}
    assert shares == {"share.formatted": 0.5, "share.compiled": 0.25, "share.passed": 0.25, **nothing}
    tiers = {name: value for name, value in said.items() if name.startswith("tier.")}
    assert sum(tiers.values()) == 1.0
    assert tiers["tier.malformed"] == 0.5
    assert 0 <= said["judge.wait_share"] <= 1
    assert said["judge.latency_p50"] <= said["judge.latency_p99"]


def test_a_judge_that_gives_up_stops_training() -> None:
    class Broken(FakeJudge):
        def judge(self, _: object) -> list[object]:  # type: ignore[override]
            raise JudgeFault("no sandbox")

    with pytest.raises(JudgeFault):
        JudgeReward(Broken(), PROBLEMS, SECTION, 1)(ANSWERS[:1], ["toy/0"])


@given(st.lists(st.sampled_from(["passed", "wrong", "compile_error", "infrastructure"]), min_size=8, max_size=8))
def test_shuffled_deals_the_same_rewards_to_others(statuses: list[Status]) -> None:
    honest, dealt = reward(*statuses)[0], reward(*statuses, kind="shuffled")[0]
    names = list(PROBLEMS)
    assert sorted(honest(ANSWERS, names), key=str) == sorted(dealt(ANSWERS, names), key=str)


def test_shuffled_does_shuffle_and_anew_each_time() -> None:
    function, _ = reward("passed", "passed", "passed", "passed", "wrong", "wrong", "wrong", "wrong", kind="shuffled")
    draws = {tuple(function(ANSWERS, list(PROBLEMS))) for _ in range(10)}
    assert len(draws) > 3


def test_a_resumed_training_shuffles_as_the_unbroken_one() -> None:
    statuses: tuple[Status, ...] = ("passed", "compile_error", "wrong", "format", "infrastructure", "incomplete")
    names = list(PROBLEMS)[: len(statuses)]
    unbroken, resumed = (reward(*statuses, kind="shuffled")[0] for _ in range(2))
    drawn = [unbroken(ANSWERS[:6], names, trainer_state=SimpleNamespace(global_step=step)) for step in range(4)]
    assert len({str(rewards) for rewards in drawn}) > 1
    assert resumed(ANSWERS[:6], names, trainer_state=SimpleNamespace(global_step=3)) == drawn[3]


def test_a_judge_that_fails_too_often_ends_the_training() -> None:
    judge = FakeJudge.in_turn("passed", "infrastructure", "infrastructure", "infrastructure")
    section = msgspec.structs.replace(SECTION, health=profile().grpo.health)
    function = JudgeReward(judge, PROBLEMS, section, 1)
    with pytest.raises(JudgeFault, match="3 of 4 completions"):
        function(ANSWERS[:4], list(PROBLEMS)[:4])


def test_samples_are_those_of_the_steps_asked_for_and_a_step_drawn_again_replaces_them(tmp_path: Path) -> None:
    section = msgspec.structs.replace(SECTION, samples=SamplesSection(every=2, completions=1))
    function = JudgeReward(FakeJudge("passed"), PROBLEMS, section, 1, tmp_path / "samples")
    for step in (0, 1, 2, 2):
        function(ANSWERS[:2], list(PROBLEMS)[:2], trainer_state=SimpleNamespace(global_step=step))
    rows = samples(tmp_path / "samples")
    assert [(row["step"], row["problem"], row["status"]) for row in rows] == [
        (0, problem(0).id, "passed"), (2, problem(0).id, "passed")
    ]  # fmt: skip
    assert samples(tmp_path / "none") == []
