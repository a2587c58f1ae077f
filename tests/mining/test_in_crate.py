"""Functions of a crate that is built here become problems that are judged in it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.banks.sources.load import load_bank
from rustml.cache_layout import CacheLayout
from rustml.judge import Limits
from rustml.judge.by_world import JudgeByWorld
from rustml.judge.completions import judge_completions
from rustml.judge.in_crate.crate_builds import Places
from rustml.judge.in_crate.problem_judge import CrateProblemJudge
from rustml.judge.in_crate.recompile import Recompiler
from rustml.mining.crate_drafts import crate_drafts
from rustml.mining.in_crate import chosen_drafts
from rustml.mining.mine import Miner
from rustml.mining.report import MineReport
from rustml.origin import directory_registry, folder_url
from rustml.pairs.trace import find, own_lines
from rustml.profile import load
from rustml.profile.mine import MineSection
from rustml.records import Dependency, Origin, Problem, SourceFile, candidate_of, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, run
from rustml.testing import FakeJudge
from tests.support.in_crate import require_sandbox

LIBRARY = """\
//! A till.
mod coins;
pub use crate::coins::Purse;

/// Sums the prices of a cart and takes the rebate off that it may claim.
///
/// ```
/// assert_eq!(till::total(&[4, 8]), 11);
/// ```
pub fn total(prices: &[u32]) -> u32 {
    let mut sum = 0;
    for price in prices {
        sum += price;
    }
    if sum > 10 { sum - coins::REBATE } else { sum }
}

/// The number of prices, which no test of this crate ever asks for.
pub fn count(prices: &[u32]) -> usize {
    prices.iter().filter(|price| **price > 0).count()
}

/// Whether the till is open: its one test does not notice a trivial body.
pub fn is_open(hour: u32) -> bool {
    hour > 7 && hour < 20
}

/// The larger of two prices, as a constant that a build of its own would be needed for.
pub const fn larger(one: u32, other: u32) -> u32 {
    if one > other { one } else { other }
}

/// A price after a coupon, which a test in `tests/` alone asks for.
pub fn reduced(price: u32, coupon: u32) -> u32 {
    if coupon > price { 0 } else { price - coupon }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        assert_eq!(total(&[1, 2]), 3);
        assert_eq!(total(&[10]), 10);
        assert!(is_open(12));
        assert_eq!(larger(1, 2), 2);
    }

    #[test]
    fn pays() {
        let mut purse = Purse::new(5);
        assert_eq!(purse.next(), Some(5));
        assert_eq!(purse.next(), Some(4));
        assert_eq!(Purse::new(0).next(), None);
    }
}
"""
COINS = """\
/// Taken off a large sum.
pub(crate) const REBATE: u32 = 1;

/// Coins, one after the other.
#[derive(Debug)]
pub struct Purse {
    left: Coin,
}

/// What is paid with.
pub type Coin = u32;

impl Purse {
    /// A purse with so many coins in it, none of which has been paid.
    pub fn new(left: u32) -> Self {
        Self { left }
    }
}

impl Iterator for Purse {
    type Item = u32;

    /// Pays the next coin, or nothing where the purse is empty.
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.left + 1)
    }
}
"""
MANIFEST = '[package]\nname = "till"\nversion = "1.0.0"\nedition = "2021"\nlicense = "MIT"\n'
OUTSIDE = """\
use till::reduced;

#[test]
fn takes_a_coupon() {
    assert_eq!((reduced(5, 2), reduced(2, 5)), (3, 0));
}
"""
FILES = {"Cargo.toml": MANIFEST, "src/lib.rs": LIBRARY, "src/coins.rs": COINS, "tests/outside.rs": OUTSIDE}


class Harvest(msgspec.Struct, frozen=True):
    """A job that writes one shard of files."""

    files: tuple[SourceFile, ...]

    def __call__(self, _index: int, folder: Path) -> Summary:
        return Summary(records=write_jsonl(folder / "files.jsonl", self.files), funnel=())


def harvested(vendor: Path) -> list[SourceFile]:
    """The crate as the harvest of a directory source hands it over."""
    folder = vendor / "till-1.0.0"
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / ".cargo-checksum.json").write_text(json.dumps({"package": None, "files": {}}))
    origin = Origin(
        kind="crate", name="till", version="1.0.0", licence="MIT",
        registry=directory_registry(vendor), url=folder_url(folder),
    )  # fmt: skip
    return [
        SourceFile(
            origin=msgspec.structs.replace(origin, path=path, sha256=hashlib.sha256(text.encode()).hexdigest()),
            text=text,
        )
        for path, text in FILES.items()
        if path.endswith(".rs")
    ]


@pytest.fixture
def inside(section: Callable[..., MineSection]) -> MineSection:
    """The defaults, for functions in their crates alone."""
    return section(worlds=("crate",))


class Mine(msgspec.Struct):
    """One run of the stage over the crate."""

    root: Path
    report: MineReport

    @property
    def problems(self) -> dict[str, Problem]:
        return {problem.entry_point: problem for problem in read_jsonl(self.root / "out" / "mined.jsonl", Problem)}


def places(root: Path) -> Places:
    return Places(cache=CacheLayout(root / "cache"))


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mine:
    limits, root = Limits.from_section(load("tiny").judge), tmp_path_factory.mktemp("mined")
    require_sandbox()
    run(Harvest(tuple(harvested(root / "vendor"))), 1, root / "harvest" / "files", workers=1)
    section = msgspec.structs.replace(load("tiny").mine, worlds=("crate",))
    miner = Miner(section, load("tiny").curate, FakeJudge("infrastructure"), places(root), limits, workers=1)
    return Mine(root, miner.mine(root / "harvest", root / "out", []))


def test_functions_that_the_tests_of_their_crate_judge_become_problems(mined: Mine) -> None:
    assert set(mined.problems) == {"total", "Purse::new", "Purse::next", "reduced"}
    total = mined.problems["total"]
    assert total.covering is not None
    assert total.covering.tests == ("tests::sums",)
    assert total.covering.examples == ("assert_eq!(till::total(&[4, 8]), 11);",)
    assert float(total.tags["strength"]) >= 0.5
    assert mined.report.worlds == {"crate": 4}


def test_a_test_outside_the_crate_judges_as_one_inside(mined: Mine) -> None:
    limits, reduced = Limits.from_section(load("tiny").judge), mined.problems["reduced"]
    assert reduced.covering is not None
    assert (reduced.covering.tests, reduced.covering.integration) == ((), ("tests_outside::takes_a_coupon",))
    codes = [reduced.reference, reduced.reference.replace("{ 0 }", "{ coupon }"), reduced.reference.replace("0", '""')]
    asked = [candidate_of(reduced, code, f"{number}") for number, code in enumerate(codes)]
    with CrateProblemJudge(places(mined.root), limits) as judge:
        together, alone = judge.judge(asked), [judge.verdict(one) for one in asked]
    assert [verdict.status for verdict in together] == ["passed", "wrong", "compile_error"]
    assert together == alone


def test_what_is_dropped_is_counted_by_its_reason(mined: Mine) -> None:
    dropped = {step.stage: step.dropped for step in mined.report.funnel}
    assert dropped["in_crate.site"] == {"not_shared_const_or_extern_fn": 1}
    assert dropped["in_crate.covered"] == {"no_test_fails": 1}
    assert dropped["in_crate.trivial"] == {"passes_trivial": 1}, "`is_open` may as well return true"


def test_the_question_shows_what_a_caller_sees(mined: Mine) -> None:
    question = mined.problems["Purse::next"].instruction
    assert "in the crate `till`" in question
    assert "pub struct Purse {\n    left: Coin,\n}\npub type Coin = u32;" in question
    assert "\n    fn next(&mut self) -> Option<u32>\n}" in question
    assert "Answer with the `impl` block with this method alone" in question
    assert "REBATE" in mined.problems["total"].instruction
    assert mined.problems["Purse::next"].reference == COINS[COINS.index("impl Iterator") :].replace(
        "    type Item = u32;\n\n    /// Pays the next coin, or nothing where the purse is empty.\n", ""
    )
    assert "till::total" not in mined.problems["total"].instruction, "its example is a test"


class Alone(FakeJudge):
    """Judges what stands by itself."""

    def crates_fault(self, _dependencies: tuple[Dependency, ...]) -> str:
        return ""

    def close(self) -> None:
        """Nothing is open."""


ANSWERS = {
    "passed": "prices.iter().sum::<u32>() - u32::from(prices.iter().sum::<u32>() > 10)",
    "wrong": "prices.iter().sum()",
    "compile_error": "prices.len()",
}


def test_training_judges_an_answer_where_the_function_stands(mined: Mine) -> None:
    limits, total = Limits.from_section(load("tiny").judge), mined.problems["total"]
    alone = msgspec.structs.replace(total, id="alone", covering=None, tests="#[test]\nfn sums() {}")
    texts = [f"```rust\npub fn total(prices: &[u32]) -> u32 {{\n    {body}\n}}\n```" for body in ANSWERS.values()]
    with JudgeByWorld(Alone("crashed"), lambda: CrateProblemJudge(places(mined.root), limits)) as judge:
        problems, answers = [total, alone, total, total, total], [texts[0], *texts, "None."]
        verdicts = judge_completions(judge, problems, answers, explained=True)
    assert [one and one.status for one in verdicts] == ["passed", "crashed", "wrong", "compile_error", None]
    assert [one.output for one in verdicts[2:4] if one] == [
        "wrong: 1 of 2 tests of the crate passed", "error[E0308]: mismatched types",
    ]  # fmt: skip


def test_a_verdict_is_kept_under_the_answer_and_the_build_of_its_crate(
    mined: Mine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, total = Limits.from_section(load("tiny").judge), mined.problems["total"]
    asked = [candidate_of(total, code, f"{n}") for n, code in enumerate((total.reference, "pub fn total() {}"))]
    with CrateProblemJudge(places(mined.root), limits, tmp_path) as judge:
        first = judge.judge(asked)
    monkeypatch.setattr(Recompiler, "compile", lambda *_: pytest.fail("a compiler ran"))
    with CrateProblemJudge(places(mined.root), limits, tmp_path) as judge:
        again = judge.judge([msgspec.structs.replace(one, id=f"again{one.id}") for one in asked])
    assert [one.status for one in first] == ["passed", "compile_error"]
    assert [msgspec.structs.replace(one, id=one.id.removeprefix("again")) for one in again] == first


def test_the_bank_reads_them_and_the_trace_finds_their_lines(mined: Mine) -> None:
    assert load_bank("mined", mined.root / "out" / "mined.jsonl").trainable
    for problem in mined.problems.values():
        ((part, pair),) = find(problem.id, mined.root / "out")
        assert part == problem.split
        assert problem.origin is not None
        lines = own_lines(pair, FILES[problem.origin.path].encode())
        assert lines is not None
        assert lines.holds_answer


def test_a_crate_that_is_gone_is_a_fault_and_not_the_answers(mined: Mine) -> None:
    problem = mined.problems["total"]
    assert problem.origin is not None
    moved = msgspec.structs.replace(problem, origin=msgspec.structs.replace(problem.origin, url="file:///nowhere"))
    with CrateProblemJudge(places(mined.root), Limits()) as judge:
        (verdict,) = judge.judge([candidate_of(moved, problem.reference, "one")])
    assert (verdict.status, verdict.detail) == ("infrastructure", "crate till-1.0.0: no_crate_source")


def test_a_crate_without_source_is_dropped_with_all_its_functions(
    crate: list[SourceFile], inside: MineSection, tmp_path: Path
) -> None:
    run(Harvest(tuple(crate)), 1, tmp_path / "harvest" / "files", workers=1)
    miner = Miner(inside, load("tiny").curate, FakeJudge(), places(tmp_path), Limits(), workers=1)
    with pytest.raises(Exception, match="no problem is left"):
        miner.mine(tmp_path / "harvest", tmp_path / "out", [])
    summary = json.loads((tmp_path / "out" / "work" / "judged" / "00000" / "summary.json").read_text())
    assert summary["funnel"][0]["dropped"] == {"no_crate_source": 4}


def test_a_stable_hash_chooses_crates_and_functions(crate: list[SourceFile], inside: MineSection) -> None:
    other = [msgspec.structs.replace(file, origin=msgspec.structs.replace(file.origin, name="other")) for file in crate]
    every = [draft for files in (crate, other) for draft in crate_drafts(files, inside, Funnel())]
    few = msgspec.structs.replace(inside, crates=1, functions_per_crate=2)
    funnel = Funnel()
    ((one, two),) = chosen_drafts(every, few, funnel)
    assert [[one, two]] == chosen_drafts(list(reversed(every)), few, Funnel())
    assert one.span < two.span or one.origin != two.origin
    (step,) = funnel.steps()
    assert (step.kept, step.dropped) == (2, {"crate_not_chosen": 4, "more_than_functions_per_crate": 2})
