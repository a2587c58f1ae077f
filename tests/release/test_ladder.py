import pytest

from rustml.errors import InputError, ProfileError
from rustml.release.ladder import LADDER, STEPS, climbed, maker_label

ROWS = {row.name: row for row in STEPS}


def test_each_step_requires_the_one_before_it() -> None:
    assert [step.requires for step in LADDER] == ["", *LADDER.names[:-1]]
    assert LADDER.names == tuple(ROWS)


def test_a_ladder_without_grpo_quantises_what_sft_made() -> None:
    ladder = climbed([(name, ROWS[name]) for name in ("sft", "fp8", "champion")])
    assert ladder.made_by("quantize").requires == "sft"
    with pytest.raises(InputError, match=r"stage grpo makes versions of no step here; .* sft, fp8, champion"):
        ladder.made_by("grpo")


def test_a_second_phase_is_a_step_of_its_own_that_requires_the_first() -> None:
    ladder = climbed([("sft", ROWS["sft"]), ("sft2", ROWS["sft"]), ("champion", ROWS["champion"])])
    second = ladder.step("sft2")
    assert (second.made_by, second.requires, second.compared_with) == ("sft", "sft", "parent")
    assert second.needs_version
    assert not ladder.step("sft").needs_version


@pytest.mark.parametrize("name", ["grpo", "fp8", "champion"])
def test_a_step_that_needs_a_version_cannot_be_the_first(name: str) -> None:
    with pytest.raises(ProfileError, match=f"step {name} cannot be the first"):
        climbed([(name, ROWS[name])])


def test_a_step_occurs_once() -> None:
    with pytest.raises(ProfileError, match="step sft occurs twice"):
        climbed([("sft", ROWS["sft"]), ("sft", ROWS["sft"])])


def test_an_unknown_step_is_named_beside_the_known_ones() -> None:
    with pytest.raises(InputError, match=rf"no step 'spf' on the ladder; .* {', '.join(ROWS)}"):
        LADDER.step("spf")


def test_a_model_is_known_by_its_step_rather_than_by_its_stage() -> None:
    assert [maker_label(stage) for stage in ("base", "sft", "quantize")] == ["base", "sft", "fp8"]
