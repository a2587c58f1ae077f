"""Functions as byte spans, also in files that do not parse whole; tokens; inner attributes."""

import pytest

from rustml.rust.syntax import functions, inner_attributes, leaves

SOURCE = """/// Doc.
#[inline]
pub fn free() { fn nested() {} }
impl Shop {
    fn method(&self) -> &str { "é" }
}
trait T { fn declared(); fn provided() {} }
mod inner { fn deep() {} }
""".encode()


def test_a_span_begins_at_the_visibility_and_ends_with_the_body() -> None:
    spans = functions(SOURCE)
    assert [(span.name, span.header, span.whole) for span in spans] == [
        ("free", "", True),
        ("method", "impl Shop", True),
        ("provided", "trait T", True),
        ("deep", "", True),
    ]
    assert SOURCE[spans[1].start : spans[1].end].decode() == 'fn method(&self) -> &str { "é" }'
    assert all(SOURCE[span.body : span.body + 1] == b"{" for span in spans)


def test_functions_beside_an_error_are_seen() -> None:
    assert "good" in [span.name for span in functions(b"fn good() {}\nfn broken( {}\n")]


def test_tokens_are_given_without_comments_and_strings_whole() -> None:
    assert leaves(b'f(/* no */ "a b", 1) // no') == [
        ("identifier", "f"), ("(", "("), ("string_literal", '"a b"'), (",", ","), ("integer_literal", "1"), (")", ")"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "inner"), [(b"fn f() { #![allow(x)] }", True), (b"#[allow(x)] fn f() {}", False), (b"// #![x]", False)]
)
def test_inner_attributes_are_seen_wherever_they_stand(source: bytes, inner: bool) -> None:
    assert inner_attributes(source) is inner
