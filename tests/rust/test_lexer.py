import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.rust.fences import extract
from rustml.rust.lexer import lexes, tokens

CHARACTERS = st.characters(codec="utf-8")
ESCAPES = {"\\": "\\\\", '"': '\\"', "\r": "\\r"}


def literal(text: str, prefix: str = "") -> str:
    return f'{prefix}"{"".join(ESCAPES.get(character, character) for character in text)}"'


@pytest.mark.parametrize(
    "code", ['"open', 'b"open', 'c"open', '"a\\"', '"a\\', 'f("a", "b', 'r#"open"', "/* open", "'", "f('ab')"]
)
def test_a_literal_or_comment_that_never_ends_does_not_lex(code: str) -> None:
    assert not lexes(code)
    assert any(token.kind == "broken" for token in tokens(code))


@pytest.mark.parametrize(
    "code", ["'\"'", "b'\"'", "'\\''", '"\'"', "fn f<'a>(x: &'a str) {}", "'outer: loop {}", 'r"\\"']
)
def test_quotes_inside_literals_and_lifetimes_lex(code: str) -> None:
    assert lexes(code)


@given(st.text(CHARACTERS), st.sampled_from(["", "b", "c"]))
def test_a_string_is_one_token_whatever_it_holds_and_without_its_last_quote_none(text: str, prefix: str) -> None:
    string = literal(text, prefix)
    assert [(token.kind, token.text) for token in tokens(f"f({string});")][2] == ("string", string)
    assert tokens(string[:-1])[-1].kind == "broken"
    assert not lexes(f"fn f() {{ {string[:-1]}")


@given(st.text(CHARACTERS, max_size=60))
def test_tokens_hold_every_character_but_white_space_in_order(code: str) -> None:
    stream = tokens(code)
    between = [
        code[before:after]
        for before, after in zip([0, *(t.end for t in stream)], [*(t.start for t in stream), len(code)], strict=True)
    ]
    assert not "".join(between).strip()


@given(st.lists(st.sampled_from(["```\n", "text\n", "{\n", "'\n", "//\n", "~~~\n"]), max_size=8))
def test_a_fence_inside_a_string_does_not_end_the_block(lines: list[str]) -> None:
    code = f"const HELP: &str = {literal(chr(10) + ''.join(lines))};\nfn add() {{}}\n"
    assert extract(f"Sure:\n```rust\n{code}```\nDone.\n", "add") == code
