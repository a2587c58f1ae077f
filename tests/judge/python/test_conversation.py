"""What two processes share stays the same on both sides, whoever changes it, and data arrives as it was sent."""

import copy
import datetime
import decimal
import fractions
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.judge.python import examiner
from tests.support.python_host import Script, offered

EDIT = """
def edit(root, path, name, *arguments):
    for step in path:
        root = root[step % len(root)] if isinstance(root, list) and root else root
    return getattr(root, name)(*arguments) if isinstance(root, list) else None
"""
CODE = (
    EDIT
    + """
def same(x): return x
kept = []
def keep(x): kept.append(x)
def last(): return kept[-1]
def kind(x): return type(x).__name__
"""
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text(), inner),
        st.sets(st.integers()),
        st.frozensets(st.text()),
        st.lists(inner).map(deque),
        st.dictionaries(st.text(), inner).map(OrderedDict),
        st.lists(st.text()).map(Counter),
    ),
    max_leaves=8,
)
NESTED = st.recursive(st.integers(0, 9), lambda inner: st.lists(inner, max_size=4), max_leaves=10).map(lambda x: [x])
EDITS = st.lists(
    st.tuples(
        st.booleans(),
        st.lists(st.integers(0, 3), max_size=3),
        st.one_of(
            st.tuples(st.just("append"), NESTED),
            st.tuples(st.just("insert"), st.just(0), st.integers()),
            st.tuples(st.just("reverse")),
            st.tuples(st.just("clear")),
            st.tuples(st.just("extend"), NESTED),
        ),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, Any]]:
    with offered(CODE) as found:
        yield found


def alike(one: Any, other: Any) -> bool:
    """Equality that tells types, signs and insertion order apart, and not one NaN from another."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (one == other and repr(one) == repr(other))
    if isinstance(one, dict):
        return alike(list(one.items()), list(other.items()))
    if isinstance(one, (list, tuple, deque)):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


@given(VALUES)
def test_data_comes_back_as_it_went(names: dict[str, Any], value: Any) -> None:
    before = copy.deepcopy(value)
    back = names["same"](value)
    assert alike(back, before)
    assert alike(value, before)
    assert names["kind"](value) == type(value).__name__
    if isinstance(value, (list, dict, set)):
        assert back is value


@given(NESTED, EDITS)
def test_a_list_is_the_same_on_both_sides_whoever_edits_it(names: dict[str, Any], start: Any, edits: Any) -> None:
    here: dict[str, Any] = {}
    exec(EDIT, here)
    shared, alone = start, copy.deepcopy(start)
    names["keep"](shared)
    for theirs, path, (name, *arguments) in edits:
        edit = names["edit"] if theirs else here["edit"]
        edit(shared, path, name, *copy.deepcopy(arguments))
        here["edit"](alone, path, name, *copy.deepcopy(arguments))
        assert shared == alone
        assert names["last"]() is shared
    assert names["same"](copy.deepcopy(shared)) == alone


@pytest.mark.parametrize("value", [
    datetime.timezone(datetime.timedelta(hours=2)), decimal.Decimal("1.10"), fractions.Fraction(1, 3), range(1, 9, 2),
    slice(1, None), Ellipsis, NotImplemented, int, ValueError, -0.0, float("inf"), 2**200, "\ud800", bytearray(b"x"),
])  # fmt: skip
def test_a_rare_kind_of_data_comes_back(names: dict[str, Any], value: Any) -> None:
    back = names["same"](value)
    assert (type(back), repr(back)) == (type(value), repr(value))


def test_a_list_that_holds_itself(names: dict[str, Any]) -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert names["same"](ring) is ring
    assert names["edit"](ring, [], "pop") is ring
    assert ring == [1]


STATEMENTS = st.recursive(
    st.sampled_from(["assert f(1)", "f(1)", "x = 1", "x = f(1)", "pass", "def g():\n    assert f(1)"]),
    lambda inner: st.one_of(
        inner.map(lambda body: "for i in range(2):\n" + indented(body)),
        inner.map(lambda body: "try:\n" + indented(body) + "\nfinally:\n    pass"),
        inner.map(lambda body: "if x:\n    pass\nelse:\n" + indented(body)),
        inner.map(lambda body: "with x:\n" + indented(body)),
        st.tuples(inner, inner).map("\n".join),
    ),
    max_leaves=4,
)


def indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_the_judge_counts_the_tests_that_the_sandbox_runs(statements: list[str]) -> None:
    text = "\n".join(["f(0)", *statements])
    steps = Script(text).steps()
    candidate = examiner.Candidate(id="c", code="", tests=text, entry_point="f", language="python")
    assert examiner.count_tests(candidate) == sum(kind == "test" for kind, _ in steps)
