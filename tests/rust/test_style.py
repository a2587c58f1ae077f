import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.rust.style import IDIOMS, keyword_share, style, summary

CODE = """
/// Adds up.
pub struct Ledger { total: i64 }

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.total) }
}

//// not a doc comment
fn parse_all(lines: &[&str]) -> Option<Vec<i64>> {
    let all: Vec<i64> = lines.iter().map(|line| line.parse().ok()).collect::<Option<_>>()?;
    if let Some(first) = all.first() { let _ = first; }
    Some(all)
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {}
}
"""


def test_items_tests_and_documentation_are_counted() -> None:
    report = style(CODE)
    assert report is not None
    assert report.items == {"struct": 1, "impl": 1, "function": 2, "module": 1, "test": 1}
    assert (report.documented, report.documentable) == (1, 3)


def test_all_idioms_are_seen_in_idiomatic_code_and_none_in_plain() -> None:
    report, plain = style(CODE), style("fn f(x: i64) -> i64 { let mut y = x; y += 1; y }")
    assert report is not None
    assert plain is not None
    assert set(report.idioms) == set(IDIOMS)
    assert (plain.idioms, plain.idiom_score) == ((), 0.0)


def test_words_in_strings_and_comments_are_no_idioms() -> None:
    report = style('fn f() { let _ = "match Option map(?)"; /* if let Some(x) = y */ }')
    assert report is not None
    assert report.idioms == ()


@pytest.mark.parametrize("code", ["fn f( {", "fn f() -> { }", "let"])
def test_code_that_does_not_parse_has_no_style(code: str) -> None:
    assert style(code) is None


def test_keywords_are_the_prompts_content_words() -> None:
    assert keyword_share("Write a function that sums even numbers", "fn sums_even(n: &[i64]) {}") == pytest.approx(
        2 / 3
    )
    assert keyword_share("", "fn f() {}") == 1.0


def test_the_summary_counts_what_does_not_parse_beside_the_rest() -> None:
    rates = summary([(CODE, "ledger"), ("fn f( {", "")])
    assert rates["parse_rate"] == 0.5
    assert rates["documentation_rate"] == pytest.approx(1 / 3)
    assert rates["has_test"] == 1.0
    assert summary([]) == {}


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    report = style(text, text)
    assert report is None or (0 <= report.keywords <= 1 and 0 <= report.documentation_rate <= 1)
