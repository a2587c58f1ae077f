"""Which problems are worth training on."""

from pathlib import Path

import msgspec
import pytest

from rustml import chat
from rustml.generation.engines.transformers import TransformersEngine
from rustml.generation.setup import Setup
from rustml.progress import ProgressCallback, no_progress
from rustml.records import Candidate, Verdict
from rustml.testing import FakeGenerator, FakeJudge
from rustml.training import curriculum
from tests.support.library_warnings import LIBRARY_WARNINGS
from tests.support.toy_models import problem, profile

pytestmark = LIBRARY_WARNINGS
GRPO = profile().grpo
PROBLEMS = [problem(number) for number in range(12)]


def answer(prompt: str, sample: int) -> str:
    """The first problem is always solved, the second never, the others by one sample of two."""
    number = next(n for n, known in enumerate(PROBLEMS) if known.instruction == prompt)
    solved = {0: True, 1: False}.get(number, sample == 0)
    return chat.answer(PROBLEMS[number]) if solved else "no code"


def unexpected() -> FakeGenerator:
    raise AssertionError("no engine is needed")


def test_prompts_whose_answers_are_all_alike_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=2)
    monkeypatch.setattr(curriculum, "PROBE_BATCH", 5)
    seen: list[tuple[int, int]] = []
    engine = FakeGenerator(answer)
    kept = tmp_path / "kept"
    chosen = curriculum.choose(lambda: engine, PROBLEMS, FakeJudge(), section, 1, lambda *at: seen.append(at), kept)
    assert {kept.id for kept in chosen.problems} == {known.id for known in PROBLEMS[2:]}
    assert chosen.counts == {"kept": 10, "always": 1, "never": 1}
    assert seen == [(5, 12), (10, 12), (12, 12)]
    assert engine.closed, "its memory is free before training loads the model again"
    assert chosen.difficulty == {0: 1, 1: 10, 2: 1}
    assert set(chosen.rates.values()) == {0.5}
    assert curriculum.choose(unexpected, PROBLEMS, FakeJudge(), section, 1, no_progress, kept) == chosen


def test_a_probing_that_was_killed_goes_on_with_what_it_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(curriculum, "PROBE_BATCH", 5)
    section = msgspec.structs.replace(GRPO, probe_samples=2)

    def kill(done: int, _: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    def probed(kept: Path, progress: ProgressCallback) -> tuple[curriculum.Chosen, int]:
        engine = FakeGenerator(answer)
        chosen = curriculum.choose(lambda: engine, PROBLEMS, FakeJudge(), section, 1, progress, kept)
        return chosen, len(engine.asked)

    with pytest.raises(KeyboardInterrupt):
        probed(tmp_path / "broken", kill)
    with (tmp_path / "broken").open("a") as file:
        file.write('{"toy/11": 1, "to')  # killed while it wrote
    resumed, asked = probed(tmp_path / "broken", no_progress)
    assert asked == 2
    assert resumed == probed(tmp_path / "unbroken", no_progress)[0]


def test_a_problem_that_the_judge_could_not_judge_is_kept_and_measured_again(tmp_path: Path) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=2)
    always = FakeGenerator(lambda prompt, _: answer(prompt, 0))
    judges = [FakeJudge(lambda one: "infrastructure" if one.entry_point == "add_2" else "passed"), FakeJudge()]
    first, second = (
        curriculum.choose(lambda: always, PROBLEMS, judge, section, 1, no_progress, tmp_path / "kept")
        for judge in judges
    )
    assert [kept.id for kept in first.problems] == ["toy/2"]
    assert first.rates == {}, "nothing is known of it"
    assert second.counts == {"kept": 0, "always": 11, "never": 1}


def test_the_engine_is_closed_when_the_judge_breaks_off(tmp_path: Path) -> None:
    def break_off(_: Candidate) -> Verdict:
        raise RuntimeError

    engine = FakeGenerator(answer)
    section = msgspec.structs.replace(GRPO, probe_samples=2)
    with pytest.raises(RuntimeError):
        curriculum.choose(lambda: engine, PROBLEMS, FakeJudge(break_off), section, 1, no_progress, tmp_path / "kept")
    assert engine.closed


def test_without_probing_no_engine_is_opened(tmp_path: Path) -> None:
    chosen = curriculum.choose(unexpected, PROBLEMS, FakeJudge(), GRPO, 1, no_progress, tmp_path / "kept")
    assert list(chosen.problems) == PROBLEMS


def test_probing_asks_the_real_model_at_the_temperature_of_training(parent: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=3)
    judge = FakeJudge()
    setup = Setup(profile().chat, parent, batch_size=6)
    opened = lambda: TransformersEngine(setup)  # noqa: E731
    chosen = curriculum.choose(opened, PROBLEMS[:2], judge, section, 1, no_progress, tmp_path / "kept")
    assert chosen.counts == {"kept": 0, "always": 0, "never": 2}, "a random model answers with no code"
