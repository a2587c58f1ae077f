"""The reference of the profile: made from the types, and up to date."""

import re

import pytest

from rustml.errors import ProfileError
from rustml.profile.describe import UNSET, Entry, entries, explain
from rustml.profile.document import COMMAND, markdown
from rustml.profile.layers import FOLDER

PAGE = FOLDER.parent / "docs" / "profile.md"


def entry(key: str) -> Entry:
    (match,) = (entry for entry in entries() if entry.key == key)
    return match


def test_the_page_is_what_the_sections_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), f"docs/profile.md is out of date; run: {COMMAND}"


def test_every_row_of_the_page_has_four_cells() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("|")]
    assert len(rows) > 200
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


@pytest.mark.parametrize(
    ("key", "type_", "default"),
    [
        ("seed", "integer", 17),
        ("engine", "`local` or `ray`", "local"),
        ("harvest.connections", "integer ≥ 1 and ≤ 32", 4),
        ("harvest.crates", "list of text", []),
        ("harvest.licences", "list of text that is not empty", ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"]),
        ("evaluation.suites.<name>.samples", "integer ≥ 1 and ≤ 1000", UNSET),
        ("sft.sources", "mapping of names to section of kind `bank` or `pairs` that is not empty", None),
        ("registered_model", "text", UNSET),
    ],
)
def test_a_key_has_its_type_its_bounds_and_its_default(key: str, type_: str, default: object) -> None:
    assert entry(key).type == type_
    if default is not None:
        assert entry(key).default == default


def test_a_key_is_explained_by_the_docstring_under_its_field() -> None:
    assert explain("seed") == "seed: integer; default 17\n  Seed of every random choice in the lifecycle."
    assert "0 is greedy." in explain("evaluation.suites.mine.temperature")


def test_a_key_of_several_kinds_is_explained_for_each() -> None:
    text = explain("sft.sources.mine.records")
    assert "(kind bank)" in text
    assert "(kind pairs)" in text


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProfileError, match=r"unknown key 'sft\.stepz'; did you mean 'sft\.steps'"):
        explain("sft.stepz")
    with pytest.raises(ProfileError, match=r"unknown key 'zzz': docs/profile\.md lists all"):
        explain("zzz")
