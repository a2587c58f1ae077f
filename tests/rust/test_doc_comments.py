"""Which comments are documentation, and what they say."""

import pytest

from rustml.rust.doc_comments import doc_lines, doc_text, doc_texts, is_doc, is_outer_doc


@pytest.mark.parametrize(
    ("comment", "outer", "doc"),
    [
        ("/// x", True, True),
        ("//// x", False, False),
        ("// x", False, False),
        ("//! x", False, True),
        ("/** x */", True, True),
        ("/*** x */", False, False),
        ("/**/", False, False),
        ("/* x */", False, False),
        ("/*! x */", False, True),
    ],
)
def test_documentation_is_told_from_other_comments(comment: str, outer: bool, doc: bool) -> None:
    assert (is_outer_doc(comment), is_doc(comment)) == (outer, doc)


def test_lines_before_an_item_are_its_documentation_alone() -> None:
    leading = "    /// One.\n    #[inline]\n    // Not this.\n    /** Two\n     * three.\n     */\n"
    assert doc_lines(leading) == ["/// One.", "/** Two", "* three.", "*/"]
    assert doc_text(leading) == "One.\nTwo\nthree."


def test_every_run_of_documentation_in_a_file_is_a_text() -> None:
    source = "//! Crate.\n\n/// A.\n/// B.\nfn f() {}\n/** C\n D */\nfn g() {}"
    assert list(doc_texts(source)) == [["Crate."], ["A.", "B."], ["C", "D "]]
