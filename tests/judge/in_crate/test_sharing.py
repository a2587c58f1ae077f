"""What may stand beside others in one build: a header as given, and a body that declares nothing beyond its scope."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from rustml.judge.in_crate.sharing import decides_elsewhere, why_alone, why_own_program
from tests.support.in_crate import inserted

HEADER = "pub fn total(prices: &[u32]) -> u32 "


def reason(body: str, header: str = HEADER, own: str = HEADER) -> str:
    return why_alone(inserted(f"{header}{body}", f"{own}{{ prices.len() as u32 }}"))


@pytest.mark.parametrize(
    "body",
    [
        "{ todo!() }",
        '{ let n = vec![1, 2].len(); std::println!("}"); n as u32 }',
        '{ use std::fmt::Write; let mut s = String::new(); write!(s, "{{").unwrap(); s.len() as u32 }',
        "{ // }\n /* } */ let c = '}'; let r = r#\"}\"#; u32::from(c) + r.len() as u32 }",
        "{ fn helper<'a>(x: &'a u32) -> &'a u32 { x } struct P(u32); *helper(&P(1).0) }",
        "{ if !prices.is_empty() { return !0 } 0 }",
    ],
)
def test_a_body_that_keeps_to_itself_shares_builds(body: str) -> None:
    assert reason(body) == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{ impl std::ops::Deref for Shop { } 0 }", "item"),
        ("{ macro_rules! assert_eq { ($($t:tt)*) => {} } 0 }", "item"),
        ("{ mod tests { } 0 }", "item"),
        ("{ static BIG: [u8; 1 << 30] = [0; 1 << 30]; 0 }", "item"),
        ("{ #[derive(PartialEq)] struct P; 0 }", "attribute"),
        ("{ impl_everything!(Shop); 0 }", "macro"),
        ("{ other::vec!(Shop); 0 }", "macro"),
        ("{ stringify!(}); 0 }", "syntax"),
        ("{ include_str!(\"../src/lib.rs\").len() as u32 }", "macro"),
        ("{ use crate::impl_everything as vec; vec!(Shop); 0 }", "import"),
        ("{ use {crate::impl_everything as vec}; vec!(Shop); 0 }", "import"),
        ("{ 0 } _ => { 1 }", "syntax"),
        ("{ 0 }} pub fn more() -> u32 {{ 1 }", "syntax"),
        ("{ let _ = c\"x\"; 0 }", "syntax"),
        ("{ let _ = cr\"\\\"; 0 }", "syntax"),
    ],
)  # fmt: skip
def test_a_body_that_speaks_to_the_crate_is_judged_alone(body: str, why: str) -> None:
    assert reason(body) == why


@pytest.mark.parametrize(
    ("header", "own", "why"),
    [
        ("pub fn total(p: &[u32]) -> u32 ", HEADER, "signature"),
        ("pub fn total(mut prices: &[u32]) -> u32 ", HEADER, "signature"),
        ("pub  fn total ( prices : &[u32] )->u32\n", HEADER, ""),
        ("pub const fn total() -> u32 ", "", "const_or_extern_fn"),
        ("extern fn total() ", "", "const_or_extern_fn"),
        ("fn total(f: impl Fn()) -> u32 ", "", ""),
    ],
)
def test_only_headers_as_given_share_builds(header: str, own: str, why: str) -> None:
    assert reason("{ todo!() }", header, own or header) == why


@pytest.mark.parametrize(
    ("code", "own_program", "elsewhere"),
    [
        ("fn f(g: impl Fn()) -> u32 { 0 }", "", False),
        ("async fn f() -> u32 { 0 }", "", True),
        ("fn f() -> Option<impl Fn()> { Some(|| ()) }", "impl_result", True),
        ("unsafe fn f() -> u32 { 0 }", "unsafe", False),
        ("fn f() -> u32 { unsafe { 0 } }", "unsafe", False),
        ('fn f() -> u32 { "unsafe".len() as u32 }', "", False),
    ],
)
def test_unsafe_code_and_opaque_results_have_programs_of_their_own(
    code: str, own_program: str, elsewhere: bool
) -> None:
    one = inserted(code, code)
    assert (why_alone(one), why_own_program(one), decides_elsewhere(one)) == ("", own_program, elsewhere)


PIECES = st.sampled_from(["{", "}", "(", ")", '"', "'", 'r#"', '"#', "//", "\n", "/*", "*/", "\\", "'a", 'c"', " x "])


@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_is_inserted_an_arm_that_shares_ends_where_its_body_ends(text: str) -> None:
    """A marker behind the body is outside all brackets, strings and comments."""
    if reason(f"{{{text}}}") == "":
        assert _left_open(f"{{{text}}}") == ""


def _left_open(code: str) -> str:
    """What is still open at the end, by a scanner of its own: brackets, a string, a comment, or `below` zero before."""
    stack: list[str] = []
    at = 0
    while at < len(code):
        if code.startswith("//", at):
            at = code.find("\n", at)
            if at < 0:
                return "//"
        elif code.startswith("/*", at):
            at, level = at + 2, 1
            while level:
                if at >= len(code):
                    return "/*"
                level += code.startswith("/*", at) - code.startswith("*/", at)
                at += 2 if code.startswith(("/*", "*/"), at) else 1
        elif code.startswith('r#"', at):
            at = code.find('"#', at + 3) + 2
            if at < 2:
                return "r"
        elif code[at] == '"':
            at += 1
            while at < len(code) and code[at] != '"':
                at += 2 if code[at] == "\\" else 1
            if at >= len(code):
                return '"'
            at += 1
        elif code[at] == "'" and code[at + 2 : at + 3] == "'" and code[at + 1] not in "\\'\n":
            at += 3
        elif code[at : at + 2] == "'\\" and code[at + 3 : at + 4] == "'" and code[at + 2] not in "ux\n":
            at += 4
        else:
            if code[at] in "([{":
                stack.append(code[at])
            elif code[at] in ")]}":
                if not stack:
                    return "below"
                stack.pop()
                if not stack and at + 1 < len(code):
                    return "ends early"
            at += 1
    return "".join(stack)


def test_an_insertion_is_told_apart_by_its_brace() -> None:
    one = inserted("pub fn f<const N: usize>() -> [u8; { N }] { [0; N] }", "fn f() {}")
    assert one.header + one.body == one.function
    assert one.body == "{ [0; N] }"
