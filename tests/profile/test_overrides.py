"""Overrides and presets: dotted keys on top of the files, refused like them."""

from pathlib import Path
from typing import Any

import pytest

from rustml.errors import ProfileError
from rustml.profile import load


def refused(*texts: str, name: str = "tiny") -> str:
    with pytest.raises(ProfileError) as error:
        load(name, texts)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("seed=5", "seed", 5),
        ("sft.steps=7", "sft.steps", 7),
        ("grpo.optimizer.learning_rate=3e-5", "grpo.optimizer.learning_rate", 3e-5),
        ("sft.optimizer.weight_decay=0.1", "sft.optimizer.weight_decay", 0.1),
        ("harvest.crates=[hex, base64]", "harvest.crates", ("hex", "base64")),
        ("bank.benchmarks={humaneval: hub}", "bank.benchmarks", {"humaneval": "hub"}),
        ("harvest.registry=''", "harvest.registry", ""),
        ("harvest.user_agent=me (a=b)", "harvest.user_agent", "me (a=b)"),
        ("serve.enforce_eager=false", "serve.enforce_eager", False),
        (" sft.steps = 7", "sft.steps", 7),
    ],
)
def test_an_override_sets_one_key_and_nothing_else(text: str, key: str, value: Any) -> None:
    profile: Any = load("tiny", [text])
    node = profile
    for name in key.split("."):
        node = getattr(node, name)
    assert node == value
    section = key.split(".", maxsplit=1)[0]
    tiny = load("tiny")
    assert all(getattr(profile, other) == getattr(tiny, other) for other in tiny.__struct_fields__ if other != section)


def test_a_suite_is_overridden_by_its_name() -> None:
    changes = ["evaluation.suites.rust.limit=3", "evaluation.suites.holdout=null", "evaluation.shown=[]"]
    suites = load("tiny", changes).evaluation.suites
    assert suites["rust"].limit == 3
    assert suites["rust"].max_new_tokens == load("tiny").evaluation.suites["rust"].max_new_tokens
    assert "holdout" not in suites


def test_the_last_override_of_a_key_wins() -> None:
    assert load("tiny", ["seed=1", "seed=2"]).seed == 2


def test_overrides_are_checked_together() -> None:
    grpo = load("tiny", ["grpo.passes=3", "grpo.prompts_per_step=3"]).grpo
    assert (grpo.passes, grpo.prompts_per_step) == (3, 3)


@pytest.mark.parametrize(
    ("texts", "length"),
    [
        (["sft.epochs=2"], (None, 2)),
        (["sft.epochs=2", "sft.steps=9"], (9, None)),
        (["sft={epochs: 1.5}"], (None, 1.5)),
        (["sft.optimizer.learning_rate=3e-5", "sft.epochs=2"], (None, 2)),
    ],
)
def test_epochs_take_the_place_of_steps_and_the_other_way_round(
    texts: list[str], length: tuple[int | None, float | None]
) -> None:
    section = load("tiny", texts).sft
    assert (section.steps, section.epochs) == length


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sft.stepz=3", "unknown key 'sft.stepz'; did you mean 'sft.steps'?"),
        ("seeed=3", "did you mean 'seed'?"),
        ("evaluation.suites.rust.sample=3", "did you mean 'evaluation.suites.rust.samples'?"),
        ("sft.steps=many", "sft.steps: Expected `int | null`, got `str`"),
        ("sft.steps=0", "sft.steps: Expected `int` >= 1"),
        ("sft.steps=", "sft: give exactly one of steps and epochs"),
        ("sft.batch_size=", "sft.batch_size: Expected `int`, got `null`"),
        ("sft={steps: 3, epochs: 2}", "give exactly one of steps and epochs"),
        ("sft.optimizer.kind=adam", "'adam' is not one of adamw"),
        ("sft.steps.more=1", "sft.steps: Expected `int | null`, got `object`"),
        ("sft={steps: many}", "sft.steps: Expected"),
        ("sft=3", "sft: Expected `object`, got `int`"),
        ("grpo.passes=3", "passes (3) must divide"),
        ("grpo.reward_tests=1.5", "must not exceed reward_passed"),
        ("grpo.temperature=.inf", "not a finite number"),
        ("sft={steps: 1, steps: 2}", "key 'steps' twice"),
        ("harvest.crates=[hex", "cannot read `[hex`"),
        ("sft.steps", "write key=value"),
        ("=3", "write key=value"),
        ("sft..steps=3", "write key=value"),
        ("", "write key=value"),
        ("extends=debian", "unknown key 'extends'"),
    ],
)
def test_a_wrong_override_is_refused_by_its_text_and_key(text: str, says: str) -> None:
    message = refused(text)
    assert says in message
    assert "from the command line" in message
    assert text in message or text.partition("=")[0] in message


def test_a_fault_of_the_file_is_not_laid_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: tiny\nsft: {steps: many}")
    message = refused("grpo.steps=3", name=str(path))
    assert "mine.yaml: sft.steps" in message
    assert "command line" not in message


PRESETS = """
extends: tiny
presets:
  short: {sft.steps: 5, grpo: {steps: 6}}
  shorter: {sft.steps: 3}
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(PRESETS)
    return str(path)


def test_a_preset_is_a_set_of_overrides_and_shows_in_the_name(mine: str) -> None:
    profile = load(mine, ["preset=short"])
    assert (profile.name, profile.sft.steps, profile.grpo.steps) == ("mine+short", 5, 6)


def test_a_later_preset_wins_and_a_value_wins_over_every_preset(mine: str) -> None:
    profile = load(mine, ["grpo.steps=9", "preset=short", "preset=shorter"])
    assert (profile.name, profile.sft.steps, profile.grpo.steps) == ("mine+short+shorter", 3, 9)


def test_presets_are_inherited_and_extended(mine: str) -> None:
    child = Path(mine).with_name("child.yaml")
    child.write_text("extends: mine\npresets: {short: {sft.steps: 4}}")
    profile = load(str(child), ["preset=short"])
    assert (profile.name, profile.sft.steps, profile.grpo.steps) == ("child+short", 4, 6)


def test_an_inherited_preset_that_no_longer_fits_is_refused_with_what_to_do(mine: str) -> None:
    child = Path(mine).with_name("child.yaml")
    child.write_text("extends: mine\ngrpo: {prompts_per_step: 4, passes: 8}")
    message = refused(name=str(child))
    assert "presets.low-memory: grpo: passes (64) must divide" in message
    assert "set its keys there to what fits" in message
    child.write_text(f"{child.read_text()}\npresets: {{low-memory: {{grpo.passes: 32}}}}")
    assert load(str(child), ["preset=low-memory"]).grpo.passes == 32


def test_an_unknown_preset_is_refused_with_those_there_are(mine: str) -> None:
    assert "unknown preset; there are expert-iteration, offline, low-memory, short, shorter" in refused(
        "preset=quick", name=mine
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("presets: {short: {sft.stepz: 5}}", "presets.short: unknown key 'sft.stepz'; did you mean 'sft.steps'?"),
        ("presets: {short: {sft: {steps: 0}}}", "presets.short: sft.steps: Expected"),
        ("presets: {short: {grpo.passes: 3}}", "presets.short: grpo: passes (3) must divide"),
        ("presets: {short: 3}", "give each preset as a mapping"),
        ("presets: [short]", "give each preset as a mapping"),
    ],
)
def test_a_wrong_preset_is_refused_though_nobody_chose_it(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: tiny\n{text}")
    message = refused(name=str(path))
    assert says in message
    assert "mine.yaml" in message
