"""Failed answers that come back as prompts: which ones, when, and what their answers count as."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch

from rustml import chat
from rustml.judge.repair_question import question
from rustml.profile.grpo import GrpoSection
from rustml.profile.optimizer import SgdSection
from rustml.records import Diagnostic, Status, Verdict
from rustml.testing import FakeJudge, make_verdict
from rustml.training.repairs import Repairs
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, problem, profile, words

with quiet_imports():
    from rustml.training import grpo, pooled_grpo
    from rustml.training.pooled_grpo import PooledGRPOTrainer
    from rustml.training.pools import HISTORY, Pools
    from rustml.training.reward import SAMPLES, JudgeReward, samples

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
PROBLEMS = [problem(number) for number in range(12)]
BY_ID = {one.id: one for one in PROBLEMS}
REFUSED = msgspec.structs.replace(
    make_verdict("x", "compile_error"),
    errors=(Diagnostic(code="E0308", message="mismatched types"),),
    output="error[E0308]: mismatched types",
)


def section(**repair: Any) -> GrpoSection:
    changed = msgspec.structs.replace(profile().grpo.repair, **{"prompts": 2, **repair})
    return msgspec.structs.replace(profile().grpo, prompts_per_step=4, repair=changed)


def repairs(folder: Path, given: GrpoSection | None = None, context: int = 0) -> Repairs:
    return Repairs(given or section(), words(), context, 1, folder)


def note(made: Repairs, step: int, verdicts: Sequence[Verdict | None], answer: str = "no") -> int:
    return made.note(step, PROBLEMS[: len(verdicts)], [answer] * len(verdicts), verdicts)


def test_a_failed_answer_is_asked_in_the_next_step_as_evaluation_asks_it(tmp_path: Path) -> None:
    made = repairs(tmp_path)
    assert made.waiting(0, 4) == []
    note(made, 0, [make_verdict("x", "passed"), REFUSED], "```rust\nfn add_1() {}\n```")
    (repair,) = made.waiting(1, 4)
    earlier = ((PROBLEMS[1].instruction, "```rust\nfn add_1() {}\n```"),)
    assert repair.prompt == chat.prompt(words(), question(REFUSED), earlier)
    assert "error[E0308]: mismatched types" in repair.prompt
    assert (repair.problem, repair.codes) == ("toy/1", {"E0308"})
    assert made.waiting(2, 4) == [], "once"


def test_a_step_takes_as_many_as_the_profile_says_and_one_of_a_problem(tmp_path: Path) -> None:
    made = repairs(tmp_path)
    made.note(0, [PROBLEMS[0]] * 3, ["no"] * 3, [REFUSED] * 3)
    assert [one.problem for one in made.waiting(1, 4)] == ["toy/0"]
    note(made, 1, [REFUSED] * 8)
    assert len({one.problem for one in made.waiting(2, 4)}) == 2
    assert len(made.waiting(2, 2)) == 1, "one of two processes"


def test_only_what_the_compiler_refused_is_asked_unless_the_profile_says_all(tmp_path: Path) -> None:
    statuses: tuple[Status, ...] = ("wrong", "policy", "passed", "infrastructure", "compile_timeout")
    verdicts = [None, *(make_verdict("x", status) for status in statuses)]
    compiled, every = repairs(tmp_path / "a"), repairs(tmp_path / "b", section(prompts=3, failures="all"))
    for made in (compiled, every):
        for step, verdict in enumerate(verdicts):
            note(made, step, [verdict])
    assert [step for step in range(7) if compiled.waiting(step, 4)] == []
    assert [step for step in range(7) if every.waiting(step, 4)] == [1, 2, 3, 6]
    assert "no code block with add_0" in every.waiting(1, 4)[0].prompt


def test_a_conversation_without_room_for_an_answer_is_counted_and_not_asked(tmp_path: Path) -> None:
    length = len(words().encode(_rendered()))
    answer = section().max_new_tokens
    for folder, limits, asked in (
        ("a", {"context": length + answer}, 1),
        ("b", {"context": length + answer - 1}, 0),
        ("c", {"given": section(max_prompt_tokens=length)}, 1),
        ("d", {"given": section(max_prompt_tokens=length - 1)}, 0),
    ):
        made = repairs(tmp_path / folder, **limits)
        assert note(made, 0, [REFUSED]) == 1 - asked
        assert len(made.waiting(1, 4)) == asked


def _rendered() -> str:
    return chat.prompt(words(), question(REFUSED), ((PROBLEMS[0].instruction, "no"),))


def test_a_resumed_training_has_what_waited_before_its_step(tmp_path: Path) -> None:
    made = repairs(tmp_path)
    made.restore(0)
    for step in range(3):
        note(made, step, [REFUSED] * 4)
    (history,) = tmp_path.iterdir()
    with history.open("ab") as file:
        file.write(b'{"step":3,"pro')  # killed while it wrote
    again = repairs(tmp_path)
    again.restore(2)
    assert again.waiting(2, 4) == made.waiting(2, 4) != []
    assert again.waiting(3, 4) == []
    note(again, 2, [REFUSED] * 4)
    assert again.waiting(3, 4) == made.waiting(3, 4)


def test_repairs_take_the_places_of_the_last_problems_and_their_advantages_have_their_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[dict[str, Any]]] = []

    def generate(_: object, rows: list[dict[str, Any]]) -> dict[str, Any]:
        asked.append(rows)
        return {"advantages": torch.tensor([1.0, -1.0] * (len(rows) // 2))}

    monkeypatch.setattr(pooled_grpo.TimedGRPOTrainer, "_generate_and_score_completions", generate)
    given = section(weight=0.5)
    trainer = object.__new__(PooledGRPOTrainer)
    trainer.state, trainer.num_generations, trainer._restored = SimpleNamespace(global_step=1), 2, True
    trainer._repairs = repairs(tmp_path, given)
    trainer._pools = Pools(list(BY_ID), given.pools, 1, tmp_path / HISTORY, {})
    trainer._by_name = {name: {"prompt": name, "problem_id": name} for name in BY_ID}
    trainer._metrics = {"train": {name: [] for name in ("groups.signal_first", "groups.signal", "groups.drawn")}}
    trainer._metrics["train"] |= {f"pool.{name}": [] for name in ("unseen", "never", "between", "always")}
    note(trainer._repairs, 0, [make_verdict("x", "passed"), REFUSED])
    names = ["toy/4", "toy/5", "toy/6", "toy/7"]
    output = trainer._generate_and_score_completions([{"problem_id": name} for name in names for _ in range(2)])
    assert [row["problem_id"] for row in asked[0]][::2] == ["toy/4", "toy/5", "toy/6", "toy/1"]
    assert [row["repair"] is None for row in asked[0]] == [True] * 6 + [False] * 2
    assert output["advantages"].tolist() == [1, -1] * 3 + [0.5, -0.5]
    assert trainer._metrics["train"]["groups.drawn"] == [4.0]


def test_answers_to_repairs_are_logged_apart_and_asked_no_further(tmp_path: Path) -> None:
    said: dict[str, float] = {}
    given = section(failures="all")
    made, pools = repairs(tmp_path, given), Pools(list(BY_ID), given.pools, 1, tmp_path / HISTORY, {})
    note(made, 0, [REFUSED])
    (repair,) = made.waiting(1, 4)
    still = msgspec.structs.replace(REFUSED, errors=REFUSED.errors[:1])
    judge = FakeJudge.in_turn("passed", "wrong", "passed", still)
    rewarded = JudgeReward(judge, BY_ID, given, 1, tmp_path / SAMPLES, pools, made)
    rewarded(
        [chat.answer(BY_ID["toy/2"])] * 2 + [chat.answer(BY_ID["toy/0"])] * 2,
        ["toy/2"] * 2 + ["toy/0"] * 2,
        repair=[None, None, repair, repair],
        log_metric=said.__setitem__,
        trainer_state=SimpleNamespace(global_step=20),
    )
    assert all(candidate.explained for candidate in judge.judged)
    assert (said["share.passed"], said["share.compiled"]) == (0.5, 1.0), "of answers to problems"
    assert (said["repair.answers"], said["repair.passed"], said["repair.compiled"]) == (2.0, 0.5, 0.5)
    assert [one.problem for one in made.waiting(21, 4)] == ["toy/2"], "a repair is not repaired"
    assert pools.sizes()["unseen"] == 11, "nor is its pass rate the problem's"
    rows = samples(tmp_path / SAMPLES)
    assert [(row["problem"], bool(row["repairs"])) for row in rows] == [("toy/2", False)] * 2 + [("toy/0", True)] * 2


def test_errors_that_a_repair_took_away_may_be_rewarded(tmp_path: Path) -> None:
    given = msgspec.structs.replace(section(), reward_uncompiled=0.0, reward_compiled=0.4, reward_errors_gone=0.4)
    made = repairs(tmp_path, given)
    two = (*REFUSED.errors, Diagnostic(code="E0425", message="cannot find value"))
    note(made, 0, [msgspec.structs.replace(REFUSED, errors=two)])
    function = JudgeReward(FakeJudge(REFUSED), BY_ID, given, 1, repairs=made)
    answers = [chat.answer(PROBLEMS[0])] * 2
    assert function(answers, ["toy/0"] * 2, repair=[*made.waiting(1, 4), None]) == [pytest.approx(0.2), 0.0]


def test_a_step_is_not_all_repairs() -> None:
    with pytest.raises(ValueError, match="less than prompts_per_step"):
        section(prompts=4).__post_init__()


class Killed(BaseException):
    """Stands for the signal."""


@pytest.mark.slow
def test_a_training_with_repairs_that_was_killed_ends_as_the_unbroken_one(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real steps; every answer counts as one that the compiler refused, and rewards follow the text."""
    asked: dict[str, list[tuple[int, tuple[str, ...], int]]] = {"unbroken": [], "broken": [], "resumed": []}
    now = "unbroken"

    def call(reward: Any, completions: list[str], problem_id: list[str], **given: Any) -> list[float]:
        step, first = given["trainer_state"].global_step, [one is None for one in given["repair"]]
        asked[now].append((step, tuple(problem_id), len(first) - sum(first)))
        named = [(name, text) for name, text, own in zip(problem_id, completions, first, strict=True) if own]
        reward._repairs.note(
            step, [BY_ID[name] for name, _ in named], [text for _, text in named], [REFUSED] * len(named)
        )
        return [float(sum(text.encode()) % 5) for text in completions]

    def kill(step: int, _: dict[str, float]) -> None:
        if step == 3:
            raise Killed

    monkeypatch.setattr(grpo.JudgeReward, "__call__", call)
    changes = {"optimizer": SgdSection(learning_rate=0.5), "generations": 2, "steps": 4, "save_steps": 2}
    made = msgspec.structs.replace(section(), **changes)
    grpo.train(PROBLEMS, FakeJudge(), made, job(parent, tmp_path / "unbroken", dtype="float32"))
    assert [repaired for _, _, repaired in asked["unbroken"]] == [0, 4, 4, 4]
    now = "broken"
    with pytest.raises(Killed):
        grpo.train(PROBLEMS, FakeJudge(), made, job(parent, tmp_path / "broken", kill, "float32"))
    now = "resumed"
    grpo.train(PROBLEMS, FakeJudge(), made, job(parent, tmp_path / "broken", dtype="float32"))
    assert asked["resumed"] == asked["unbroken"][2:]
    unbroken, resumed = (
        (tmp_path / name / "out" / "model.safetensors").read_bytes() for name in ("unbroken", "broken")
    )
    assert unbroken == resumed
