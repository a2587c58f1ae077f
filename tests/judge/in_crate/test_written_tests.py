"""A written test has to test: it passes in its place, and fails once the function that it is of panics."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rustml.judge.in_crate.sites import insertable_function
from rustml.records import Pair
from tests.support.crates import WORTH, WORTH_TEST, pair
from tests.support.in_crate import Bench, built

EMPTY = "#[test]\nfn a_shop_is_worth_its_stock() {}"


def asking(vendor: Path, of: str = WORTH, answer: str = WORTH_TEST, context: str = "impl Shop") -> Pair:
    return pair(vendor, answer, context=context, task="test_generation", tested=of)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with built(tmp_path_factory.mktemp("written")) as ready:
        yield ready


def test_a_written_tests_place_knows_its_function(bench: Bench) -> None:
    place = bench.place(asking(bench.vendor))
    assert place.site.file("", entry="HERE;").decode().count("pub fn worth(&self) -> u32 { HERE;\n") == 1
    assert place.eligibility.tests == ("tests::a_shop_is_worth_its_stock",)


def test_a_test_that_does_not_notice_its_function_gives_its_place_no_tests(bench: Bench) -> None:
    """The crate's own test never calls what was asked about, or is content with a panic."""
    elsewhere = "fn unused_and_therefore_denied() {}"
    assert bench.place(asking(bench.vendor, of=elsewhere, context="")).eligibility.tests == ()
    content = "#[test]\n#[should_panic]\nfn panics_anyway() {\n    total(&[u32::MAX, u32::MAX]);\n    panic!();\n}"
    assert bench.place(asking(bench.vendor, answer=content)).eligibility.tests == ()


def test_a_function_that_is_not_found_leaves_nothing_to_judge_a_test_by(bench: Bench) -> None:
    place = bench.place(asking(bench.vendor, of="fn gone() {}"))
    assert place.site.tested == -1
    assert (place.eligibility.fault, place.eligibility.testable) == ("", False)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (WORTH_TEST, "passed"),
        ("#[test]\nfn by_another_name() {\n    assert!(Shop::new(vec![]).worth() == 0);\n}", "passed"),
        (EMPTY, "wrong"),
        ("#[test]\nfn t() {\n    assert_eq!(1 + 1, 2);\n}", "wrong"),
        ("#[test]\nfn t() {\n    assert_eq!(Shop::new(vec![1]).stock, [1]);\n}", "wrong"),
        ("#[test]\nfn t() {\n    let _ = std::panic::catch_unwind(|| Shop::new(vec![]).worth());\n}", "wrong"),
        ("#[test]\nfn t() {\n    assert_eq!(Shop::new(vec![2, 3]).worth(), 11);\n}", "wrong"),
        ("#[test]\nfn t() {\n    assert_eq!(Shop::open(), 11);\n}", "compile_error"),
    ],
)
def test_each_kind_of_written_test_gets_its_verdict(bench: Bench, code: str, status: str) -> None:
    assert bench.verdict(asking(bench.vendor), code).status == status


def test_only_the_name_of_a_written_test_is_replaced(bench: Bench) -> None:
    site = bench.place(asking(bench.vendor)).site
    function, _ = insertable_function(site, "fn worth() { Shop::new(vec![]).worth(); }")
    assert function == "fn a_shop_is_worth_its_stock() { Shop::new(vec![]).worth(); }"
    other, _ = insertable_function(msgspec.structs.replace(site, task="sig_doc_impl"), "fn worth() {}")
    assert other == ""
