"""Which functions are checked beside their reference, and which only in its place."""

from pathlib import Path

import pytest

from rustml.judge.in_crate.siblings import Layout, may_stand_beside, takes_siblings
from rustml.judge.in_crate.sites import InsertionSite
from rustml.rust.syntax import functions
from tests.support.in_crate import inserted

SOURCE = """
/// Free.
#[inline]
#[must_use]
// A comment between.
pub fn free(x: u32) -> u32 { x }
#[cfg(test)]
mod inner {
    impl super::Own {
        /// A method.
        pub fn method(&self) -> u32 { 1 }
    }
}
impl Clone for Own {
    fn of_a_trait(&self) -> Self { Own }
}
trait Offered {
    fn offered(&self) {}
}
#[instrument(level = "debug")]
fn rewritten() {}
#[deprecated]
fn marked_already() {}
#[pymethods]
impl Own {
    fn of_a_rewritten_impl() {}
}
fn /* here */ hidden_name() {}
fn commented /* there */ () {}
"""


def sites(folder: Path) -> dict[str, bool]:
    (folder / "lib.rs").write_text(SOURCE)
    spans = functions(SOURCE.encode())
    made = [
        InsertionSite(
            id="", task="sig_doc_impl", folder=str(folder), vendor="", path="lib.rs", start=span.start, body=span.body,
            end=span.end, name=span.name, reference=SOURCE.encode()[span.start : span.end].decode(),
        )
        for span in spans
    ]  # fmt: skip
    return {site.name: takes_siblings(site) for site in made}


def test_functions_of_traits_and_under_attributes_that_rewrite_them_are_checked_in_their_places(tmp_path: Path) -> None:
    found = sites(tmp_path)
    assert {name for name, takes in found.items() if takes} == {"free", "method"}
    assert found.keys() > {
        "of_a_trait",
        "offered",
        "rewritten",
        "marked_already",
        "of_a_rewritten_impl",
        "hidden_name",
    }


@pytest.mark.parametrize(
    ("code", "beside"),
    [
        ("fn total(x: u32) -> u32 { x + 1 }", True),
        ("fn total(&self) -> &u32 { &self.other }", False),
        ("fn is_empty(&self) -> bool { self.stock.len() == 0 && self.shelves.len() == 0 }", False),
        ("async fn total() -> u32 { 1 }", False),
        ("fn total() -> impl Iterator<Item = u32> { 0..3 }", False),
        ("fn/* fn total */ total() -> u32 { 1 }", False),
    ],
)
def test_a_body_that_lints_compare_with_its_name_is_checked_in_its_place(code: str, beside: bool) -> None:
    assert may_stand_beside(inserted(code, code)) is beside


def test_every_function_stands_where_the_layout_says(tmp_path: Path) -> None:
    above = "/// Sums.\n#[inline]\n"
    reference, other = "fn total(x: u32) -> u32 { x }", "fn total(x: u32) -> u32 { x + 1 }"
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text(f"{above}{reference}\nfn last() {{}}\n")
    one, two = (inserted(code, reference, folder=tmp_path, start=len(above)) for code in (other, reference))
    layout = Layout.of([one, two])
    text = layout.files["src/lib.rs"]

    def at(places: object) -> list[bytes]:
        assert isinstance(places, dict)
        return [text[where.start : where.end] for where in places.values()]

    assert at(layout.references) == [reference.encode()]
    assert [copy.partition(b"(")[2] for copy in at(layout.copies)] == [reference.partition("(")[2].encode()]
    assert [copy.partition(b"(")[2] for copy in at(layout.candidates)] == [
        code.partition("(")[2].encode() for code in (other, reference)
    ]
    assert text.count(above.encode()) == 4
    assert layout.note(("src/lib.rs", len(above))).encode() in text
    assert text.endswith(b"\nfn last() {}\n")
