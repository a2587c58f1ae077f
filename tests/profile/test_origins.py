"""Where a value came from: the last layer that states it."""

from pathlib import Path

import msgspec
import pytest

from rustml.errors import ProfileError
from rustml.profile import load
from rustml.profile.layers import shipped
from rustml.profile.origins import TYPE, leaves, origins, table

DEFAULTS, TINY = "profiles/defaults.yaml", "profiles/tiny.yaml"


def origin(values: list[object], key: str) -> str:
    (match,) = [value for value in values if value.key == key]  # type: ignore[attr-defined]
    return str(match.origin)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", shipped())
def test_every_value_of_the_resolved_profile_is_there(name: str) -> None:
    held = {value.key: value.value for value in origins(name)}
    assert held == dict(leaves(msgspec.to_builtins(load(name))))


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("registered_model", TINY),
        ("name", TINY),
        ("judge.compile_seconds", DEFAULTS),
        ("sft.optimizer.kind", TINY),
        ("sft.optimizer.learning_rate", TINY),
        ("sft.optimizer.weight_decay", TYPE),
        ("sft.sources.families.records", DEFAULTS),
        ("sft.sources.crates.records", TINY),
        ("sft.sources.crates.file", DEFAULTS),
        ("harvest.registry", "preset offline (profiles/defaults.yaml)"),
        ("sft.steps", "command line"),
        ("sft.method.kind", "command line"),
        ("sft.method.rank", TYPE),
    ],
)
def test_a_value_is_traced_to_the_last_layer_that_states_it(key: str, wanted: str) -> None:
    overrides = ["preset=offline", "sft.steps=3", "sft.method={kind: lora}"]
    assert origin([*origins("tiny", overrides)], key) == wanted


def test_a_key_of_another_kind_does_not_keep_its_origin(tmp_path: Path) -> None:
    """The parent's optimizer states a learning rate, and the file's own does too: the file replaced it whole."""
    file = tmp_path / "own.yaml"
    file.write_text("extends: tiny\ngrpo: {optimizer: {kind: adamw, learning_rate: 0.1}}\n")
    values = [*origins(str(file))]
    assert origin(values, "grpo.optimizer.learning_rate") == str(file)
    assert origin(values, "grpo.optimizer.betas") == TYPE


def test_what_a_layer_takes_away_comes_from_that_layer() -> None:
    values = [*origins("tiny", ["sft.epochs=2"])]
    assert next(value.value for value in values if value.key == "sft.steps") is None
    assert origin(values, "sft.steps") == "command line"


def test_a_wrong_profile_is_refused_as_loading_refuses_it() -> None:
    with pytest.raises(ProfileError, match=r"sft\.step"):
        origins("tiny", ["sft.step=3"])


def test_the_table_has_a_line_for_each_value() -> None:
    values = origins("tiny")
    lines = table(values).splitlines()
    assert len(lines) == len(values)
    assert any(line.split() == ["seed", "17", DEFAULTS] for line in lines)
