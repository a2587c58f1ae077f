"""Which problems are worth training on."""

from pathlib import Path

import msgspec
import pytest

from rustml import chat
from rustml.generation.engines.transformers import TransformersEngine
from rustml.generation.setup import Setup
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


def test_prompts_whose_answers_are_all_alike_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=2)
    monkeypatch.setattr(curriculum, "PROBE_BATCH", 5)
    seen: list[tuple[int, int]] = []
    engine = FakeGenerator(answer)
    chosen = curriculum.choose(lambda: engine, PROBLEMS, FakeJudge(), section, 1, lambda *at: seen.append(at))
    assert {kept.id for kept in chosen.problems} == {known.id for known in PROBLEMS[2:]}
    assert chosen.counts == {"kept": 10, "always": 1, "never": 1}
    assert seen == [(5, 12), (10, 12), (12, 12)]
    assert engine.closed, "its memory is free before training loads the model again"


def test_the_engine_is_closed_when_the_judge_breaks_off() -> None:
    def break_off(_: Candidate) -> Verdict:
        raise RuntimeError

    engine = FakeGenerator(answer)
    section = msgspec.structs.replace(GRPO, probe_samples=2)
    with pytest.raises(RuntimeError):
        curriculum.choose(lambda: engine, PROBLEMS, FakeJudge(break_off), section, 1, lambda *_: None)
    assert engine.closed


def test_without_probing_no_engine_is_opened() -> None:
    def unexpected() -> FakeGenerator:
        raise AssertionError

    chosen = curriculum.choose(unexpected, PROBLEMS, FakeJudge(), GRPO, 1, lambda *_: None)
    assert list(chosen.problems) == PROBLEMS


def test_probing_asks_the_real_model_at_the_temperature_of_training(parent: Path) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=3)
    judge = FakeJudge()
    setup = Setup(profile().chat, parent, batch_size=6)
    chosen = curriculum.choose(lambda: TransformersEngine(setup), PROBLEMS[:2], judge, section, 1, lambda *_: None)
    assert chosen.counts == {"kept": 0, "always": 0, "never": 2}, "a random model answers with no code"
