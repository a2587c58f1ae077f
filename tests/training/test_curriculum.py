"""Which problems are worth training on."""

from pathlib import Path

import msgspec
import pytest

from rustml import chat
from rustml.testing import FakeJudge
from rustml.training import curriculum
from tests.support.toy_models import problem, profile

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning", "ignore::ResourceWarning"
)
GRPO = profile().grpo
PROBLEMS = [problem(number) for number in range(12)]


def test_prompts_whose_answers_are_all_alike_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=2)
    right, wrong = chat.answer, "no code"

    def sample(_: Path, asked: list[object], *__: object) -> list[str]:
        """The first always right, the second never, the others once."""
        draws = {0: (True, True), 1: (False, False)}
        found = []
        for item in asked:
            number = PROBLEMS.index(item)  # type: ignore[arg-type]
            found += [right(PROBLEMS[number]) if good else wrong for good in draws.get(number, (True, False))]
        return found

    monkeypatch.setattr(curriculum, "sample", sample)
    monkeypatch.setattr(curriculum, "PROBE_BATCH", 5)
    seen: list[tuple[int, int]] = []
    chosen = curriculum.choose(Path("x"), PROBLEMS, FakeJudge(), section, 1, lambda *at: seen.append(at))
    assert {found.id for found in chosen.problems} == {found.id for found in PROBLEMS[2:]}
    assert chosen.counts == {"kept": 10, "always": 1, "never": 1}
    assert seen == [(5, 12), (10, 12), (12, 12)]


def test_probing_draws_side_by_side_from_the_real_model(parent: Path) -> None:
    section = msgspec.structs.replace(GRPO, probe_samples=3)
    one = curriculum.sample(parent, PROBLEMS[:2], section, 1)
    assert len(one) == 6
    assert one == curriculum.sample(parent, PROBLEMS[:2], section, 1)
    assert len(set(one)) > 1
