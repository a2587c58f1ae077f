"""Both parsers read the same, and every error names its line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rustml.profile import strict_yaml
from rustml.profile.layers import FOLDER

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
BROKEN = [
    "a: 1\nb: [2\nc: 3\n",
    "a: 1\n  b: 2\n",
    "a: 1\nb:\n  c: 1\n  c: 2\n",
    "a: 1\nb: .inf\n",
    "a: 1\nb: !!python/object:os.system x\n",
    "a: 1\nb: *nowhere\n",
    "a: 1\n---\nb: 2\n",
    "a: 1\nb: '\n",
    "a: 1\n\tb: 2\n",
]

both = pytest.mark.skipif(strict_yaml.LIBYAML is None, reason="PyYAML was built without libyaml")


def outcome(read: Callable[..., Any], *arguments: Any) -> str:
    """The value as text, which tells 1 from 1.0 and from True; what is wrong where there is none."""
    try:
        return repr(read(*arguments))
    except (yaml.YAMLError, ValueError) as error:
        return f"refused: {error}"


@both
def test_the_parser_in_c_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml, "PYTHON", None)
    assert strict_yaml.parse("a: 3e-5") == {"a": 3e-5}


@both
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_both_parsers_read_each_shipped_profile_alike(path: Path) -> None:
    text = path.read_text()
    assert repr(strict_yaml.read(text, strict_yaml.LIBYAML)) == repr(strict_yaml.read(text, strict_yaml.PYTHON))


@given(tree=TREES, flow=st.booleans())
def test_what_is_dumped_is_read_as_the_parser_in_python_does(tree: Any, flow: bool) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)
    assert outcome(strict_yaml.parse, text) == outcome(strict_yaml.read, text, strict_yaml.PYTHON)


@given(text=st.text(alphabet="ab01:-[]{}&*!#|>'\", \n\t?.e+~\ufeff\u2028é", max_size=24))
def test_any_text_is_read_or_refused_as_the_parser_in_python_does(text: str) -> None:
    assert outcome(strict_yaml.parse, text) == outcome(strict_yaml.read, text, strict_yaml.PYTHON)


@pytest.mark.parametrize("text", BROKEN)
def test_an_error_names_its_line_and_quotes_it(text: str) -> None:
    with pytest.raises(yaml.YAMLError) as expected:
        strict_yaml.read(text, strict_yaml.PYTHON)
    with pytest.raises(yaml.YAMLError) as raised:
        strict_yaml.parse(text)
    assert str(raised.value) == str(expected.value)
    assert ", line " in str(raised.value)


def test_a_mapping_that_holds_itself_is_read_once() -> None:
    value = strict_yaml.parse("&a {b: *a}")
    assert value["b"] is value
