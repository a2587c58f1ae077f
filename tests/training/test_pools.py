"""Prompts by their pass rate, and groups without signal that are drawn again."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch

from rustml.profile.grpo import GrpoSection, PoolsSection
from rustml.profile.optimizer import SgdSection
from rustml.records import Status
from rustml.testing import FakeJudge, make_verdict
from rustml.training.pools import HISTORY, Pools
from rustml.training.repairs import Repairs
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, moved, problem, profile, words

with quiet_imports():
    from rustml.training import grpo, pooled_grpo
    from rustml.training.pooled_grpo import PooledGRPOTrainer, signals, spliced

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
NAMES = [f"toy/{number}" for number in range(12)]
SECTION = PoolsSection(by_pass_rate=True, memory=0.5, least_weight=0.05, resamples=2)


def pools(folder: Path, section: PoolsSection = SECTION, known: dict[str, float] | None = None) -> Pools:
    return Pools(NAMES, section, 1, folder / HISTORY, known or {})


def note(made: Pools, step: int, name: str, *statuses: Status) -> None:
    made.note(step, [name] * len(statuses), [make_verdict("x", status) for status in statuses])


def test_what_is_always_or_never_solved_is_drawn_less_and_never_not_at_all(tmp_path: Path) -> None:
    known = dict.fromkeys(NAMES[:4], 0.0) | dict.fromkeys(NAMES[4:8], 1.0) | dict.fromkeys(NAMES[8:], 0.5)
    made = pools(tmp_path, known=known)
    drawn = Counter(name for step in range(600) for name in made.draw(step, 0, 2))
    dull, lively = sum(drawn[name] for name in NAMES[:8]), sum(drawn[name] for name in NAMES[8:])
    assert lively > 5 * dull, "eight of weight 0.05 beside four of weight 1"
    assert all(drawn[name] for name in NAMES)


def test_without_the_switch_all_are_drawn_alike(tmp_path: Path) -> None:
    made = pools(tmp_path, msgspec.structs.replace(SECTION, by_pass_rate=False), dict.fromkeys(NAMES[:6], 0.0))
    assert {made.weight(name) for name in NAMES} == {1.0}


def test_a_draw_holds_each_problem_once_and_leaves_out_those_that_were_asked(tmp_path: Path) -> None:
    made = pools(tmp_path)
    assert sorted(made.draw(1, 0, 99)) == sorted(NAMES)
    assert made.draw(1, 0, 3) == made.draw(1, 0, 3) != made.draw(2, 0, 3)
    assert made.draw(1, 1, 99, without=NAMES[:10]) in (NAMES[10:], NAMES[:9:-1])


def test_the_estimate_moves_and_a_fault_does_not_count(tmp_path: Path) -> None:
    made = pools(tmp_path)
    assert made.sizes() == {"unseen": 12, "never": 0, "between": 0, "always": 0}
    note(made, 0, NAMES[0], "passed", "wrong", "infrastructure", "infrastructure")
    assert made.weight(NAMES[0]) == 1.0, "one of two"
    note(made, 1, NAMES[0], "passed", "passed")
    assert made.weight(NAMES[0]) == pytest.approx(0.05 + 0.95 * 4 * 0.75 * 0.25)
    note(made, 1, NAMES[1], "infrastructure")
    note(made, 1, NAMES[2], "wrong", "compile_error")
    made.note(1, [NAMES[3]], [None])
    assert made.sizes() == {"unseen": 9, "never": 2, "between": 1, "always": 0}


def test_a_resumed_training_has_the_estimates_of_the_steps_before_it(tmp_path: Path) -> None:
    made = pools(tmp_path)
    for step in range(4):
        note(made, step, NAMES[step], "passed", "wrong" if step % 2 else "passed")
    with (tmp_path / HISTORY).open("a") as file:
        file.write('[4, "toy')  # killed while it wrote
    again = pools(tmp_path)
    again.restore(2)
    assert again.sizes() == {"unseen": 10, "never": 0, "between": 1, "always": 1}
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 2


def batch(advantages: list[float], prompt: int, completion: int, token: int) -> dict[str, Any]:
    rows = len(advantages)
    return {
        "prompt_ids": torch.full((rows, prompt), token),
        "prompt_mask": torch.ones(rows, prompt, dtype=torch.long),
        "completion_ids": torch.full((rows, completion), token),
        "completion_mask": torch.ones(rows, completion, dtype=torch.long),
        "advantages": torch.tensor(advantages, dtype=torch.float32),
        "num_items_in_batch": torch.tensor(rows * completion),
    }


def test_a_group_with_signal_takes_the_place_of_one_without() -> None:
    ours, theirs = batch([1, -1, 0, 0, 0, 0], 2, 3, 7), batch([0, 0, 0.5, -0.5], 4, 5, 9)
    assert signals(ours["advantages"], 2) == [True, False, False]
    result = spliced(ours, theirs, [1, 2], 2)
    assert result["advantages"].tolist() == [1, -1, 0, 0, 0.5, -0.5], "the second of the new groups has a signal"
    assert result["prompt_ids"].tolist()[0] == [0, 0, 7, 7]
    assert result["prompt_mask"].tolist()[4:] == [[1, 1, 1, 1]] * 2
    assert result["completion_ids"].tolist()[4] == [9] * 5
    assert result["completion_mask"].tolist()[0] == [1, 1, 1, 0, 0]
    assert spliced(ours, theirs, [1], 2) is ours, "one is empty, and the first of the new ones has no signal"
    assert spliced(ours, batch([0, 0], 4, 5, 9), [1], 2) is ours


class Drawn:
    """In the place of TRL's part of the trainer: only some problems give a signal."""

    def __init__(self, lively: set[str]) -> None:
        self.lively = lively
        self.asked: list[list[str]] = []

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        names = [row["problem_id"] for row in rows]
        self.asked.append(names)
        assert names[::2] == names[1::2], "groups of two"
        return batch([(-1.0) ** place * (name in self.lively) for place, name in enumerate(names)], 2, 3, 7)


def trainer(made: Pools, drawn: Drawn, patch: pytest.MonkeyPatch) -> Any:
    method = "_generate_and_score_completions"
    patch.setattr(pooled_grpo.TimedGRPOTrainer, method, lambda _, given: drawn(given))
    instance = object.__new__(PooledGRPOTrainer)
    instance.state, instance.num_generations = SimpleNamespace(global_step=0), 2
    instance._pools, instance._restored = made, False
    instance._repairs = Repairs(profile().grpo, words(), 0, 1, Path("unused"))
    instance._by_name = {name: {"prompt": name, "problem_id": name} for name in NAMES}
    instance._metrics = {"train": {name: [] for name in ("groups.signal_first", "groups.signal", "groups.drawn")}}
    instance._metrics["train"] |= {f"pool.{name}": [] for name in ("unseen", "never", "between", "always")}
    return instance


def rows(*names: str) -> list[dict[str, Any]]:
    return [{"prompt": name, "problem_id": name} for name in names for _ in range(2)]


def test_groups_without_signal_are_drawn_again_up_to_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = msgspec.structs.replace(SECTION, by_pass_rate=False)
    drawn = Drawn({NAMES[0]})
    instance = trainer(pools(tmp_path, own), drawn, monkeypatch)
    instance._generate_and_score_completions(rows(*NAMES[:3]))
    assert [len(names) // 2 for names in drawn.asked] == [3, 2, 2]
    assert len({name for names in drawn.asked for name in names}) == 7, "each time with other prompts"
    metrics = instance._metrics["train"]
    assert metrics["groups.signal_first"] == metrics["groups.signal"] == [pytest.approx(1 / 3)]
    assert metrics["groups.drawn"] == [7.0]


def test_drawing_again_ends_where_every_group_has_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = msgspec.structs.replace(SECTION, by_pass_rate=False)
    drawn = Drawn({*NAMES} - {NAMES[1]})
    instance = trainer(pools(tmp_path, own), drawn, monkeypatch)
    output = instance._generate_and_score_completions(rows(*NAMES[:3]))
    assert [len(names) // 2 for names in drawn.asked] == [3, 1]
    assert all(signals(output["advantages"], 2))
    assert int(output["num_items_in_batch"]) == int(output["completion_mask"].sum()) == 6 * 3
    assert instance._metrics["train"]["groups.signal"] == [1.0]


def test_prompts_come_from_the_pools_where_they_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pools(tmp_path, msgspec.structs.replace(SECTION, resamples=0))
    drawn = Drawn({*NAMES})
    trainer(made, drawn, monkeypatch)._generate_and_score_completions(rows(*NAMES[:3]))
    assert drawn.asked[0][::2] == made.draw(0, 0, 3)


def test_drawing_again_is_refused_where_it_would_change_what_is_measured() -> None:
    section = msgspec.structs.replace(profile().grpo, pools=SECTION)
    section.__post_init__()
    for change in ({"reward": "shuffled"}, {"scale_rewards": "batch"}):
        with pytest.raises(ValueError, match=r"pools\.resamples needs"):
            msgspec.structs.replace(section, **change).__post_init__()


class Killed(BaseException):
    """Stands for the signal."""


@pytest.mark.slow
def test_a_training_with_pools_that_was_killed_asks_what_the_unbroken_one_asks(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[tuple[int, tuple[str, ...]]]] = {"unbroken": [], "broken": [], "resumed": []}
    now = "unbroken"

    def call(reward: Any, completions: list[str], problem_id: list[str], **given: Any) -> list[float]:
        step = given["trainer_state"].global_step
        asked[now].append((step, tuple(problem_id)))
        reward._pools.note(step, problem_id, [make_verdict("x", "wrong")] * len(problem_id))
        dull = [name in NAMES[:4] for name in problem_id]
        return [0.0 if same else float(sum(text.encode()) % 5) for same, text in zip(dull, completions, strict=True)]

    def kill(step: int, _: dict[str, float]) -> None:
        if step == 3:
            raise Killed

    monkeypatch.setattr(grpo.JudgeReward, "__call__", call)
    section: GrpoSection = msgspec.structs.replace(
        profile().grpo, pools=SECTION, optimizer=SgdSection(learning_rate=0.5), generations=4, steps=5, save_steps=2
    )
    problems = [problem(number) for number in range(12)]
    logged: list[dict[str, float]] = []
    grpo.train(problems, FakeJudge(), section, job(parent, tmp_path / "a", lambda _, m: logged.append(m)))
    assert moved(parent, tmp_path / "a" / "out")
    assert logged[-1]["groups.signal"] >= logged[-1]["groups.signal_first"]
    assert logged[-1]["pool.unseen"] + logged[-1]["pool.never"] == 12
    now = "broken"
    with pytest.raises(Killed):
        grpo.train(problems, FakeJudge(), section, job(parent, tmp_path / "b", kill))
    now = "resumed"
    grpo.train(problems, FakeJudge(), section, job(parent, tmp_path / "b"))
    assert asked["resumed"] == [each for each in asked["unbroken"] if each[0] >= 2]
    assert not moved(tmp_path / "a" / "out", tmp_path / "b" / "out")
