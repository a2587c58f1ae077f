"""A sweep's settings as one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import InputError
from rustml.training.search.space import Range, parse

WORDS = st.text("abcxyz019.-", min_size=1).filter(lambda text: ".." not in text)


def test_several_keys_give_every_combination() -> None:
    space = parse("preset=a|b sft.steps=1|2", [])
    assert space.grid() == [
        ("preset=a", "sft.steps=1"),
        ("preset=a", "sft.steps=2"),
        ("preset=b", "sft.steps=1"),
        ("preset=b", "sft.steps=2"),
    ]


def test_a_star_stands_for_the_presets_of_the_profile() -> None:
    assert parse("preset=*", ["x", "y"]).grid() == [("preset=x",), ("preset=y",)]
    with pytest.raises(InputError, match="they hold none"):
        parse("preset=*", [])


def test_bounds_without_a_point_are_whole_numbers() -> None:
    space = parse("sft.batch_size=16..64 sft.optimizer.learning_rate=1e-5..1e-3", [])
    assert space.ranges == {
        "sft.batch_size": Range(16, 64, whole=True),
        "sft.optimizer.learning_rate": Range(1e-5, 1e-3, whole=False),
    }
    with pytest.raises(InputError, match=r"sft\.batch_size is a range.*--trials"):
        space.grid()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "grid is empty"),
        ("sft.steps", "must be KEY=VALUE"),
        ("=3", "must be KEY=VALUE"),
        ("sft.steps=", "must be KEY=VALUE"),
        ("sft.steps=1||2", "empty value"),
        ("sft.steps=1|1", "a value twice"),
        ("sft.steps=1 sft.steps=2", "given twice"),
        ("sft.steps=1..9 sft.steps=2", "given twice"),
        ("sft.steps=9..1", "must rise"),
        ("sft.steps='1", "No closing quotation"),
    ],
)
def test_a_text_that_is_no_grid_is_refused_with_the_word(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse(text, [])


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=3, unique=True), min_size=1, max_size=3))
def test_a_grid_holds_each_value_of_each_key_equally_often(choices: dict[str, list[str]]) -> None:
    space = parse(" ".join(f"{key}={'|'.join(values)}" for key, values in choices.items()), [])
    settings = space.grid()
    assert len(set(settings)) == len(settings)
    for place, (key, values) in enumerate(choices.items()):
        column = [setting[place] for setting in settings]
        assert {column.count(f"{key}={value}") * len(values) for value in values} == {len(settings)}
