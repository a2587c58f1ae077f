"""The lexer loses no character, knows one kind of token from another, and pairs delimiters."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.rust.lexer import CLOSING, OPENING, closing, depth, edited, lexes, partners, significant, squeeze, tokens

IDENTIFIERS = st.sampled_from(["x", "fn", "r#type", "été", "_", "b", "r", "br", "a1"])
PIECES = st.one_of(
    IDENTIFIERS,
    st.sampled_from(
        ["'a", "'static", "'x'", "b'x'", r"'\n'", r"'\u{1F980}'", '"s"', r'"\"}"', 'b"{"', 'c"("', 'r"\\"', 'r#"a"b"#']
    ),
    st.sampled_from(
        ["0", "1_000u64", "2.5e3", "0xff", "::", "->", "==", "..=", "&&", "{", "}", "(", ")", "[", "]", ";"]
    ),
    st.sampled_from(["// line\n", "/// doc\n", "/* block */", "/* a /* nested */ b */", "/** doc */", "//! inner\n"]),
)
SNIPPETS = st.lists(PIECES, max_size=20).map(" ".join)
BALANCED = st.recursive(
    st.sampled_from(["", "x;", "'}'", '"{"', "// )\n", "/* ( */"]),
    lambda inner: st.tuples(st.sampled_from(sorted(OPENING)), inner, inner).map(
        lambda made: f"{made[0]}{made[1]}{OPENING[made[0]]} {made[2]}"
    ),
    max_leaves=12,
)


def kinds(code: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokens(code)]


@given(st.text(max_size=60))
def test_tokens_of_any_text_rejoin_to_it_but_for_white_space(code: str) -> None:
    found = tokens(code)
    assert squeeze("".join(code[token.start : token.end] for token in found)) == squeeze(code)
    edges = [0, *itertools.chain.from_iterable((token.start, token.end) for token in found), len(code)]
    assert edges == sorted(edges)
    assert not any(code[before:after].strip() for before, after in zip(edges[::2], edges[1::2], strict=True))


@given(SNIPPETS)
def test_the_text_of_a_token_is_what_stands_there(code: str) -> None:
    for token in tokens(code):
        written = code[token.start : token.end]
        assert token.text == (written.removeprefix("r#") if token.kind == "ident" else written)


@given(st.lists(PIECES, max_size=20))
def test_pieces_with_space_between_are_tokens_of_their_own(pieces: list[str]) -> None:
    found = tokens(" ".join(pieces))
    assert [token.text for token in found] == [
        piece.strip().removeprefix("r#") if piece == "r#type" else piece.strip() for piece in pieces
    ]
    assert not any(token.kind == "broken" for token in found)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ('"plain"', "string"),
        (r'"a \" b"', "string"),
        ('"two\nlines"', "string"),
        ('b"bytes"', "string"),
        ('c"c"', "string"),
        (r'r"\"', "string"),
        ('r#"a " b"#', "string"),
        ('br##"a "# b"##', "string"),
        ("'a'", "char"),
        (r"'\''", "char"),
        (r"'\\'", "char"),
        (r"b'\x7f'", "char"),
        (r"'\u{10ffff}'", "char"),
        ("'a", "lifetime"),
        ("'static", "lifetime"),
        ("'_", "lifetime"),
        ("// to the end", "comment"),
        ("//// not doc", "comment"),
        ("/**/", "comment"),
        ("/*** not doc */", "comment"),
        ("/* a /* b */ c */", "comment"),
        ("/// doc", "doc"),
        ("//! doc", "doc"),
        ("/** doc */", "doc"),
        ("/*! doc */", "doc"),
        ("r#fn", "ident"),
        ("1_000.5f64", "number"),
        ("..=", "punct"),
        ('r#"open"', "broken"),
        ("/* open /* */", "broken"),
    ],
)
def test_each_kind_of_token(code: str, kind: str) -> None:
    found = tokens(code)
    assert [(token.kind, token.start, token.end) for token in found] == [(kind, 0, len(code))]


def test_a_lifetime_is_not_an_open_character() -> None:
    assert kinds("fn f<'a>(x: &'a str, c: char) { c == 'a' }") == [
        ("ident", "fn"), ("ident", "f"), ("punct", "<"), ("lifetime", "'a"), ("punct", ">"), ("punct", "("),
        ("ident", "x"), ("punct", ":"), ("punct", "&"), ("lifetime", "'a"), ("ident", "str"), ("punct", ","),
        ("ident", "c"), ("punct", ":"), ("ident", "char"), ("punct", ")"), ("punct", "{"), ("ident", "c"),
        ("punct", "=="), ("char", "'a'"), ("punct", "}"),
    ]  # fmt: skip


def test_identifiers_are_compared_in_the_compilers_normal_form() -> None:
    kelvin = "\N{KELVIN SIGN}"
    assert [token.text for token in tokens(f"{kelvin} K")] == ["K", "K"]


def test_a_range_after_a_number_is_not_a_fraction() -> None:
    assert [text for _, text in kinds("0..10 1.max(2)")] == ["0", "..", "10", "1", ".", "max", "(", "2", ")"]


@given(SNIPPETS)
def test_significant_tokens_are_all_but_comments(code: str) -> None:
    found = tokens(code)
    assert significant(found) == [token for token in found if token.kind not in ("comment", "doc")]


@given(BALANCED)
def test_delimiters_in_strings_and_comments_do_not_count(code: str) -> None:
    assert lexes(code)
    found = significant(tokens(code))
    pairs = partners(found)
    assert pairs is not None
    for start, end in pairs.items():
        assert OPENING[found[start].text] == found[end].text
        assert closing(found, start) == end
        assert all(start < other < end for inner, other in pairs.items() if start < inner < end)
    assert len(pairs) == sum(token.kind == "punct" and token.text in OPENING for token in found)
    assert depth(found) <= len(pairs)


@given(BALANCED, st.sampled_from([*OPENING, *CLOSING]))
def test_one_delimiter_too_many_does_not_lex(code: str, delimiter: str) -> None:
    for spoiled in (f"{delimiter} {code}", f"{code}\n{delimiter}"):
        assert not lexes(spoiled)
        assert partners(significant(tokens(spoiled))) is None


@pytest.mark.parametrize("code", ["(]", "{(})", ")", "/* open", 'r"open', "x \\ y", "\x00"])
def test_what_does_not_lex(code: str) -> None:
    assert not lexes(code)


def test_an_open_string_without_hashes_is_left_to_the_compiler() -> None:
    assert kinds('"open') == [("punct", '"'), ("ident", "open")]
    assert lexes('"open')


def test_depth_is_that_of_the_deepest_delimiter() -> None:
    assert [depth(tokens(code)) for code in ("", "()()", "([{}])", "{ '(' \"[[\" }")] == [0, 1, 3, 1]


def test_a_delimiter_that_never_closes_has_no_partner() -> None:
    assert closing(tokens("( ["), 0) is None


@given(st.text(alphabet="abc", max_size=10), st.data())
def test_edits_replace_what_they_span(code: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(code)))
    end = data.draw(st.integers(start, len(code)))
    assert edited(code, [(start, end, "X")]) == f"{code[:start]}X{code[end:]}"


def test_of_overlapping_edits_the_first_stands() -> None:
    assert edited("abcdef", [(3, 5, "Y"), (1, 4, "X")]) == "aXYf"
    assert edited("abc", [(1, 1, "+"), (1, 1, "+")]) == "a+bc"
