"""The licence gate: no expression that names a licence off the list passes, and whatever is unreadable is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from rustml.errors import InputError
from rustml.licence import Gate

ALLOWED = ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause")
OTHERS = tuple(
    sorted(
        key
        for key, symbol in get_spdx_licensing().known_symbols.items()
        if not symbol.is_exception and not key.startswith("LicenseRef-") and key not in ALLOWED
    )
)
EXCEPTIONS = ("LLVM-exception", "Classpath-exception-2.0", "GCC-exception-3.1")


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda a, op, b: f"({a} {op} {b})", inner, st.sampled_from(["OR", "AND"]), inner)


def expressions(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(leaves, _joined, max_leaves=6)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(ALLOWED)


@given(expression=expressions(st.sampled_from(ALLOWED)))
def test_every_combination_of_allowed_licences_passes(gate: Gate, expression: str) -> None:
    assert gate.refusal(expression) is None


@given(
    allowed=expressions(st.sampled_from(ALLOWED)),
    other=st.sampled_from(OTHERS),
    operator=st.sampled_from([" OR ", " AND ", "/"]),
    first=st.booleans(),
)
def test_one_licence_off_the_list_refuses_wherever_it_stands(
    gate: Gate, allowed: str, other: str, operator: str, first: bool
) -> None:
    parts = (other, allowed) if first else (allowed, other)
    refusal = gate.refusal(operator.join(parts))
    assert refusal is not None
    assert refusal.reason == "licence_not_allowed"
    assert other in refusal.detail


@given(expression=expressions(st.sampled_from([*ALLOWED, *OTHERS])))
def test_an_expression_passes_only_when_all_its_words_are_allowed(gate: Gate, expression: str) -> None:
    words = expression.replace("(", " ").replace(")", " ").split()
    clean = all(word in (*ALLOWED, "OR", "AND") for word in words)
    assert (gate.refusal(expression) is None) == clean


@given(licence=st.sampled_from(ALLOWED), exception=st.sampled_from(EXCEPTIONS), more=st.sampled_from(["", " OR MIT"]))
def test_exceptions_refuse(gate: Gate, licence: str, exception: str, more: str) -> None:
    refusal = gate.refusal(f"{licence} WITH {exception}{more}")
    assert refusal is not None
    assert refusal.reason == "licence_exception"


@given(text=st.text(max_size=60))
def test_nonsense_is_refused_and_never_raises(gate: Gate, text: str) -> None:
    words = text.replace("(", " ").replace(")", " ").replace("/", " ").split()
    if gate.refusal(text) is None:
        names = {licence.lower() for licence in ALLOWED}
        assert words
        assert all(word.lower() in {*names, "or", "and"} for word in words)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (None, "licence_missing"),
        ("", "licence_missing"),
        ("  ", "licence_missing"),
        ("MIT OR GPL-3.0", "licence_not_allowed"),
        ("Apache-2.0 OR ISC OR MIT", "licence_not_allowed"),
        ("MIT OR (MIT AND GPL-2.0-only)", "licence_not_allowed"),
        ("BSD", "licence_unreadable"),
        ("MIT AND", "licence_unreadable"),
        ("()", "licence_unreadable"),
        ("MIT, Apache-2.0", "licence_unreadable"),
        ("MIT+", "licence_unreadable"),
        ("LicenseRef-MIT-TC", "licence_unreadable"),
        ("NOASSERTION", "licence_unreadable"),
        ("(" * 300 + "MIT" + ")" * 300, "licence_unreadable"),
        ("MIT AND " * 200 + "MIT", "licence_unreadable"),
    ],
)
def test_reasons(gate: Gate, expression: str | None, reason: str) -> None:
    refusal = gate.refusal(expression)
    assert refusal is not None
    assert refusal.reason == reason


@pytest.mark.parametrize("expression", ["MIT/Apache-2.0", "Apache-2.0 / MIT", "mit or apache-2.0", "(MIT)"])
def test_old_slash_and_letter_case_are_read(gate: Gate, expression: str) -> None:
    assert gate.refusal(expression) is None


def test_a_list_with_something_that_is_no_licence_is_refused() -> None:
    with pytest.raises(InputError, match="BSD3"):
        Gate(["MIT", "BSD3"])
