"""What the stage `expert_iteration` refuses, and how it trains."""

import sys
from pathlib import Path

import msgspec
import pytest

from rustml.errors import EnvironmentFault, InputError, ProfileError
from rustml.profile import load
from rustml.profile.optimizer import MuonSection
from rustml.records import write_jsonl
from rustml.rust.style import IDIOMS
from rustml.training.sources import prompt_problems
from tests.support.toy_models import problem

TINY = load("tiny")


def test_each_round_is_trained_as_sft_with_the_changes_of_the_section() -> None:
    from rustml.stages.expert_iteration import training_section

    section = training_section(TINY)
    assert isinstance(section.optimizer, MuonSection)
    assert section.optimizer.learning_rate == TINY.expert_iteration.changes["sft.optimizer.learning_rate"]
    assert section.steps == TINY.expert_iteration.changes["sft.steps"]
    assert (section.batch_size, section.context) == (TINY.sft.batch_size, TINY.sft.context)
    assert not section.validation.records


def test_a_missing_vllm_is_reported_with_the_key_of_this_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rustml.stages.expert_iteration import _open_engine

    monkeypatch.setitem(sys.modules, "vllm", None)
    profile = load("tiny", overrides=["expert_iteration.engine=vllm"])
    with pytest.raises(EnvironmentFault, match=r"^expert_iteration\.engine is vllm"):
        _open_engine(profile, tmp_path)


def test_a_bank_that_may_not_be_trained_on_is_refused(tmp_path: Path) -> None:
    """It is asked the prompts of GRPO, with GRPO's refusal."""
    write_jsonl(tmp_path / "rust-train.jsonl", [problem(0)])
    forbidden = msgspec.structs.replace(problem(1), trainable=False, licence="no training")
    write_jsonl(tmp_path / "multipl-e.jsonl", [forbidden])
    with pytest.raises(InputError, match=r"multipl-e.*toy/1 may not be trained on \(no training\)"):
        prompt_problems(tmp_path, 1, {"multipl-e": 0})
    write_jsonl(tmp_path / "rust-train.jsonl", [forbidden])
    with pytest.raises(InputError, match="0 trainable problems"):
        prompt_problems(tmp_path, 1, {})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("expert_iteration.changes={grpo.steps: 3}", "grpo.steps is not a key of sft"),
        ("expert_iteration.weights={idiom: 0, documentation: 0}", "one of the weights has to be above 0"),
        (
            "expert_iteration.sources={a: {kind: bank, file: x, share: 0.5}, b: {kind: bank, file: y, share: 0.5}}",
            "sum",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_profile(override: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load("tiny", [override])


def test_changes_are_checked_against_the_types_of_the_profile() -> None:
    from rustml.stages.expert_iteration import training_section

    odd = msgspec.structs.replace(TINY.expert_iteration, changes={"sft.stepz": 3})
    with pytest.raises(ProfileError, match=r"expert_iteration\.changes.*stepz"):
        training_section(msgspec.structs.replace(TINY, expert_iteration=odd))


def test_the_idiom_score_has_as_many_parts_as_the_profile_says() -> None:
    assert len(IDIOMS) == 6
