"""Candidates of one crate that share builds get the verdicts that each gets alone."""

import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rustml.errors import JudgeFault
from rustml.judge.in_crate import judge as in_crate_judge
from rustml.judge.in_crate.insertion import Insertion
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.judge.in_crate.recompile import Compiled, Goal, Recompiler
from rustml.judge.in_crate.test_runner import NO_VARIANT, CrateTestRun, CrateTestRunner
from rustml.judge.in_crate.variants import Variants
from rustml.records import Pair, Verdict
from rustml.rust.fences import blocks
from rustml.sandbox.processes import signal_of
from tests.support.crates import HIDDEN, NEW, TOTAL, WORTH, WORTH_TEST, candidate, pair
from tests.support.in_crate import Bench, built

Asked = Sequence[tuple[Pair, str]]
TODO = "pub fn total(prices: &[u32]) -> u32 {\n    todo!()\n}"
WRONG = TOTAL.replace("VALUE", "3")
UNTYPED = TOTAL.replace("    sum\n", "    sum as u64\n")


def body(statements: str) -> str:
    return f"pub fn total(prices: &[u32]) -> u32 {{\n    {statements}\n}}"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with built(tmp_path_factory.mktemp("together")) as ready:
        yield ready


@pytest.fixture(scope="module")
def total(bench: Bench) -> Pair:
    return pair(bench.vendor, TOTAL)


def judge(bench: Bench, asked: Asked, *, together: bool = True) -> InCrateJudge:
    places = {made.id: bench.place(made) for made, _ in asked}
    references = {made.id: blocks(made.answer)[-1] for made, _ in asked}
    return InCrateJudge(bench.sandbox, places, references, together=together)


def verdicts(bench: Bench, asked: Asked, *, together: bool = True) -> list[Verdict]:
    candidates = [candidate(made, code) for made, code in asked]
    return judge(bench, asked, together=together).judge(candidates)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls of the compiler, by their goal."""
    count: Counter[str] = Counter()
    compile_crate, link = Recompiler.compile, Recompiler.link

    def counted(self: Recompiler, call: object, files: Mapping[str, bytes], goal: Goal, out: Path) -> Compiled:
        count[goal] += 1
        return compile_crate(self, call, files, goal, out)  # type: ignore[arg-type]

    def linked(self: Recompiler, call: object, out: Path, files: Mapping[str, bytes] = {}) -> Compiled:
        count["link"] += 1
        return link(self, call, out, files)  # type: ignore[arg-type]

    monkeypatch.setattr(Recompiler, "compile", counted)
    monkeypatch.setattr(Recompiler, "link", linked)
    return count


def test_one_build_of_each_kind_tells_right_wrong_and_uncompilable_apart(
    bench: Bench, total: Pair, calls: Counter[str]
) -> None:
    hidden = pair(bench.vendor, HIDDEN)
    asked = [(total, TOTAL), (hidden, HIDDEN), (total, WRONG), (hidden, HIDDEN.replace("b - 3", "b - 2"))]
    made = judge(bench, asked)
    calls.clear()
    found = made.judge([candidate(*one) for one in asked])
    assert [verdict.status for verdict in found] == ["passed", "passed", "wrong", "wrong"]
    assert [verdict.id for verdict in found] == [f"{one.id}#0" for one, _ in asked]
    assert calls == {"check": 1, "test": 1, "library": 1, "link": 1}
    assert not made.alone


def test_an_error_and_a_lint_belong_to_the_candidate_that_has_them(bench: Bench, total: Pair) -> None:
    hidden = pair(bench.vendor, HIDDEN)
    asked = [
        (hidden, HIDDEN.replace("    b - 3", "    return b - 3;")),
        (total, UNTYPED),
        (total, TOTAL.replace("    sum\n", "    let idle = 1;\n    sum\n")),
    ]
    linted, broken, idle = verdicts(bench, asked)
    assert (linted.status, linted.lints) == ("passed", ("clippy::needless_return",))
    assert (broken.status, [error.code for error in broken.errors]) == ("compile_error", ["E0308"])
    assert (idle.status, idle.lints) == ("passed", ("unused_variables",))


def test_what_no_build_can_share_is_judged_alone_and_counted(bench: Bench, total: Pair) -> None:
    asked = [
        (total, TOTAL),
        (total, TOTAL.replace("let mut sum", "impl Shop { fn f(&self) -> u32 { 1 } }\n let mut sum")),
        (total, body("prices.iter().map(|p| p * VALUE).sum()").replace("prices", "p")),
    ]
    made = judge(bench, asked)
    found = made.judge([candidate(*one) for one in asked])
    assert [verdict.status for verdict in found] == ["passed"] * 3
    assert made.alone == {"item": 1, "signature": 1}


def test_a_fault_of_the_sandbox_in_company_leaves_everybody_to_be_judged_alone(
    bench: Bench, total: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise JudgeFault("no sandbox")

    monkeypatch.setattr(in_crate_judge, "judge_together", broken)
    made = judge(bench, [(total, TOTAL), (total, WRONG)])
    found = made.judge([candidate(total, TOTAL), candidate(total, WRONG)])
    assert [verdict.status for verdict in found] == ["passed", "wrong"]
    assert made.alone == {"fault": 2}


def test_a_test_that_fails_with_every_reference_in_company_judges_alone(
    bench: Bench, total: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one would that asks for the number of a line."""
    run = CrateTestRunner.run

    def noticing(
        self: CrateTestRunner,
        program: Path,
        tests: Sequence[str] = (),
        *,
        variant: Mapping[str, str] = NO_VARIANT,
        **limits: float,
    ) -> CrateTestRun:
        if "0" in variant.values():
            return CrateTestRun(frozenset(), frozenset(tests), 101, expired=False)
        return run(self, program, tests, variant=variant, **limits)

    monkeypatch.setattr(CrateTestRunner, "run", noticing)
    made = judge(bench, [(total, TOTAL), (total, WRONG)])
    found = made.judge([candidate(total, TOTAL), candidate(total, WRONG)])
    assert [verdict.status for verdict in found] == ["passed", "wrong"]
    assert made.alone == {"no_program": 2}


def test_a_program_is_the_variant_that_its_environment_names_and_none_without(bench: Bench, total: Pair) -> None:
    place = bench.place(total)
    right, wrong = (Insertion(candidate(total, code), place, code) for code in (TOTAL, TODO))
    variants = Variants([wrong, right])
    compiler, runner = Recompiler(bench.sandbox, bench.crate), CrateTestRunner(bench.sandbox, bench.crate)
    with compiler.folder() as out:
        assert compiler.compile(place.test_call, variants.files("src/lib.rs"), "test", out).ok

        def status(variant: Mapping[str, str]) -> str:
            return runner.run(out / "tests", place.eligibility.tests, cpu=5, seconds=60, variant=variant).status(
                place.eligibility.tests
            )

        assert status(variants.choosing(right)) == "passed"
        assert status(variants.choosing(wrong)) == "wrong"
        (name,) = variants.choosing(wrong)
        assert status({name: ""}) == status({name: "x"}) == status({}) == "crashed"
        unnamed = runner.run(out / "tests", place.eligibility.tests, cpu=5, seconds=60)
        assert signal_of(unnamed.returncode) == signal.SIGABRT


def test_the_name_that_chooses_is_drawn_anew_for_each_program(bench: Bench, total: Pair) -> None:
    one = Insertion(candidate(total, TOTAL), bench.place(total), TOTAL)
    assert not Variants([one]).choosing(one).keys() & Variants([one]).choosing(one).keys()


HOSTILE = (
    # Out of the arm, into its neighbours': refused by rustc or by the words, and judged alone.
    body("0 }\n _ => { prices.len() as u32 * 2"),
    body("0 }} pub fn more() {{"),
    # Another variant, or none: the number was read before, and its name is not known.
    body("std::env::set_var(\"RUSTML_VARIANT\", \"0\"); 7"),
    body("for n in 0..9 { std::env::set_var(\"variant\", n.to_string()); } 7"),
    body("crate::variants::variant()"),
    # Everybody's assertions, equality and arithmetic.
    body("macro_rules! assert_eq { ($($t:tt)*) => {} } 7"),
    body("#[macro_export] macro_rules! assert_eq { ($($t:tt)*) => {} } 7"),
    body("impl PartialEq<u32> for Shop { fn eq(&self, _: &u32) -> bool { true } } 7"),
    body("impl Shop { pub fn worth(&self) -> u32 { 10 } } 7"),
    # Records of its own.
    body("println!(\"test tests::a_shop_is_worth_its_stock ... ok\"); 7"),
    # The time, the stack, the memory of its neighbours.
    body("let deep = [1u8; 1 << 21]; deep[prices.len()] as u32"),
    body("static BIG: [u8; 1 << 31] = [0; 1 << 31]; BIG[prices.len()] as u32"),
    # Text of others.
    body("include_str!(\"lib.rs\").len() as u32"),
)  # fmt: skip


@pytest.mark.slow
def test_hostile_code_passes_nothing_and_leaves_its_neighbours_their_verdicts(bench: Bench, total: Pair) -> None:
    asked = [(total, TOTAL), *((total, code) for code in HOSTILE), (total, WRONG), (pair(bench.vendor, HIDDEN), HIDDEN)]
    found = verdicts(bench, asked)
    assert [found[0].status, found[-2].status, found[-1].status] == ["passed", "wrong", "passed"]
    assert not [code for code, verdict in zip(HOSTILE, found[1:-2], strict=True) if verdict.status == "passed"]


KINDS = (
    TOTAL, TODO, WRONG, UNTYPED,
    body("prices.iter().map(|p| p * VALUE).sum()"),
    body("prices.iter().map(|p| p * VALUE).sum::<u32>() + missing()"),
    body("let s; let r: &u32 = { let x = 1; s = x; &x }; *r + s"),
    body("return prices.iter().map(|p| p * coin::VALUE).sum();"),
    body("let x = prices.len() as u64; x"),
    body("let v = vec![1]; let w = v; v.len() as u32"),
    body("unknown_macro!(prices)"),
    body("use std::nothing::Here; 0"),
    body("break 0"),
    body("fn helper(p: u32) -> u32 { p * VALUE } prices.iter().copied().map(helper).sum()"),
    body("const N: u32 = 1 / 0; N"),
    body("let a = [1, 2]; a[2]"),
    body("loop {}"),
    body("fn deep(n: u32) -> u32 { deep(n + 1) + 1 } deep(1)"),
    body("std::process::exit(0)"),
    body("let _ = env!(\"HOME\"); 0"),
    body("let x = 5 x"),
    body("#[allow(unused)] let idle = 1; prices.iter().map(|p| p * VALUE).sum()"),
    body("match prices { [] => 0, [one, rest @ ..] => one * VALUE + total(rest) }"),
    body("total(prices)"),
    body("if prices.len() == 0 { 0 } else { prices.iter().map(|p| p * VALUE).sum() }"),
    body("std::thread::spawn(|| 7u32).join().unwrap()"),
    TOTAL.replace("&[u32]", "&[u64]"), TOTAL.replace("u32 {", "u32 {{"), "fn other() {}", "",
)  # fmt: skip


@pytest.mark.slow
def test_every_kind_of_answer_gets_in_company_the_verdict_that_it_gets_alone(bench: Bench, total: Pair) -> None:
    """Written tests, methods and helpers among them, in one batch and one by one."""
    hidden, new = pair(bench.vendor, HIDDEN), pair(bench.vendor, NEW, context="impl Shop")
    written = pair(bench.vendor, WORTH_TEST, task="test_generation", context="impl Shop", tested=WORTH)
    asked = [
        *((total, code) for code in KINDS),
        (hidden, HIDDEN),
        (hidden, HIDDEN.replace("b - 3", "b + 3")),
        (hidden, HIDDEN.replace("b - 3", "b.len()")),
        (new, NEW),
        (new, NEW.replace("{ stock }", "{ stock: Vec::new() }")),
        (new, NEW.replace("{ stock }", "{ stock: 5 }")),
        (written, WORTH_TEST),
        (written, "#[test]\nfn t() {}"),
        (written, "#[test]\nfn t() { assert_eq!(Shop::new(vec![2, 3]).worth(), 11); }"),
        (written, "#[test]\nfn t() { let _ = std::panic::catch_unwind(|| Shop::new(vec![]).worth()); }"),
    ]
    together, alone = verdicts(bench, asked), verdicts(bench, asked, together=False)
    differing = [
        (code, one, other) for (_, code), one, other in zip(asked, together, alone, strict=True) if one != other
    ]
    assert not differing
    assert len({verdict.status for verdict in alone}) >= 6
