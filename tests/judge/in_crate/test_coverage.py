"""Which tests cover which functions, found for all of them at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rustml.judge.in_crate.coverage import CoverageScan, library_calls
from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.outer_tests import integration_files, usable_files
from rustml.judge.in_crate.prepared_crate import BuildRecord, PreparedCrate
from rustml.judge.in_crate.recompile import Compiled, Goal, Recompiler
from rustml.judge.in_crate.sites import locate
from tests.support.crates import ELSEWHERE, FEATURED, HIDDEN, NEW, TOTAL, WORTH, pair
from tests.support.in_crate import Bench, built

GOOD = "assert_eq!(shop::total(&[1]), 2);"
BESIDE = "assert_eq!(1, 1);"
BROKEN = "shop::absent();"
TEST = ("tests::a_shop_is_worth_its_stock",)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with built(tmp_path_factory.mktemp("coverage")) as ready:
        yield ready


def scanned(bench: Bench, codes: Sequence[str], examples: Sequence[str] = ()) -> dict[str, Eligibility]:
    """The eligibility of each function of these texts, by its text."""
    made = {code: pair(bench.vendor, code) for code in codes}
    sites = [locate(one, bench.vendor / "shop-1.0.0", bench.vendor) for one in made.values()]
    with ThreadPoolExecutor(1) as runs:
        scan = CoverageScan(bench.sandbox, bench.crate, runs)
        found = scan.eligibility(sites, examples)
    return {code: found[one.id] for code, one in made.items()}


def test_a_test_covers_a_function_if_it_fails_when_that_function_panics(bench: Bench) -> None:
    found = scanned(bench, [TOTAL, NEW, HIDDEN, WORTH, FEATURED], [BESIDE, BROKEN, GOOD])
    assert {code: one.tests for code, one in found.items()} == {
        TOTAL: TEST, NEW: TEST, HIDDEN: TEST, WORTH: TEST, FEATURED: (),
    }  # fmt: skip
    assert found[TOTAL].examples == (GOOD,), "one example does not notice the panic, and one does not compile"
    assert found[TOTAL].integration == ("tests_whole_cart::a_cart_is_summed_from_outside",)
    assert found[NEW].integration == (), "no test in `tests/` opens a shop"


def test_files_that_name_a_missing_dependency_are_not_compiled(bench: Bench) -> None:
    call = bench.crate.built.invocations[library_calls(bench.crate)[0]]
    assert set(integration_files(bench.crate.sources)) == {"tests_elsewhere", "tests_measured", "tests_whole_cart"}
    assert set(usable_files(bench.crate.sources, call)) == {"tests_elsewhere", "tests_whole_cart"}


def test_functions_share_their_programs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    goals: Counter[str] = Counter()
    whole = Recompiler.compile

    def counted(self: Recompiler, call: Invocation, files: Mapping[str, bytes], goal: Goal, out: Path) -> Compiled:
        goals[goal] += 1
        return whole(self, call, files, goal, out)

    monkeypatch.setattr(Recompiler, "compile", counted)
    scanned(bench, [TOTAL, NEW, HIDDEN, WORTH], [GOOD])
    assert goals == {"check": 2, "test": 1, "library": 1}


def test_what_the_compiler_does_not_read_cannot_be_judged(bench: Bench) -> None:
    assert scanned(bench, [ELSEWHERE])[ELSEWHERE].fault == "not_compiled_here"


def test_a_crate_without_a_library_says_so() -> None:
    crate = PreparedCrate(Path(), BuildRecord(invocations=(), features=(), fault="it needs another compiler"), "none")
    assert library_calls(crate) == (-1, -1)
