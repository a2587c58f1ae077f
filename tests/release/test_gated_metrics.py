import pytest

from rustml.errors import ProfileError
from rustml.profile import load
from rustml.profile.layers import shipped
from rustml.release.gated_metrics import check_ladder_and_gates


@pytest.mark.parametrize("name", shipped())
def test_every_profile_that_ships_can_be_walked(name: str) -> None:
    profile = load(name)
    check_ladder_and_gates(profile, profile.evaluation.lifecycle)


def test_a_score_of_the_hold_out_can_be_gated() -> None:
    check_ladder_and_gates(load("tiny", ["gates.sft.hold=[holdout.tests, holdout.compile]"]))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("gates.sft.rise=[rust.speed]", r"gates\.sft\.rise: rust\.speed cannot be asked for; .* format, compile"),
        ("gates.grpo.hold=[rust.tests]", r"gates\.grpo\.hold: rust\.tests cannot be asked for; a gate may ask a rust"),
        ("gates.sft.hold=[holdout.rating]", r"gates\.sft\.hold: holdout\.rating cannot be asked for"),
        ("gates.fp8.hold=[rusty.pass]", r"gates\.fp8\.hold: rusty\.pass names suite rusty, but evaluation\.suites has"),
        ("gates.sft.hold=[holdout.tests]", r"gates\.sft\.hold: evaluation\.lifecycle leaves out the suite of holdout"),
        ("ladder=[sft, rlhf]", "ladder: no step 'rlhf'; the table has sft, expert_iteration, grpo, "),
        ("ladder=[grpo, sft]", "ladder: step grpo cannot be the first"),
        ("ladder=[sft, sft]", "ladder: step sft occurs twice"),
        ("ladder=[]", "ladder: is empty"),
        ("gates={sft: null}", "gates.sft: is missing, and `ladder` names the step"),
    ],
)
def test_what_does_not_fit_is_named_by_its_key(override: str, message: str) -> None:
    profile = load("tiny", [override])
    with pytest.raises(ProfileError, match=message):
        check_ladder_and_gates(profile, profile.evaluation.lifecycle)


def test_a_phase_of_a_step_that_makes_no_version_is_refused() -> None:
    profile = load("tiny", ["ladder=[sft, more]", "phases={more: {step: champion, changes: {}}}"])
    with pytest.raises(
        ProfileError, match=r"phases\.more\.step: no step 'champion'; the table has sft, expert_iteration, grpo, "
    ):
        check_ladder_and_gates(profile)


def test_a_phase_changes_the_profile_only_as_its_types_allow() -> None:
    profile = load("tiny", ["ladder=[sft, sft2]", "phases={sft2: {step: sft, changes: {sft.stepz: 5}}}"])
    with pytest.raises(ProfileError, match=r"phases\.sft2\.changes: unknown key 'sft\.stepz'"):
        check_ladder_and_gates(profile)


def test_thresholds_of_a_step_that_does_not_exist_are_refused() -> None:
    profile = load("tiny")
    profile.gates["grop"] = profile.gates["sft"]
    with pytest.raises(ProfileError, match=r"gates\.grop: there is no such step"):
        check_ladder_and_gates(profile)
