"""A function put back into its crate is compiled, linted and tested there, and can reach nothing else."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.errors import InputError
from rustml.judge import Limits
from rustml.judge.in_crate import prepared_crate
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import TIMED_OUT, Eligibility, scan_eligibility
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.sites import SiteNotFound, crate_folder, insertable_function, locate, vendor_folder
from rustml.judge.in_crate.test_runner import CrateTestRunner
from rustml.records import Pair
from rustml.sandbox.processes import Completed
from tests.support.crates import ELSEWHERE, FEATURED, HIDDEN, NEW, TOTAL, candidate, pair
from tests.support.in_crate import Bench, built


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with built(tmp_path_factory.mktemp("inplace")) as ready:
        yield ready


@pytest.fixture
def total(bench: Bench) -> Pair:
    return pair(bench.vendor, TOTAL)


def test_a_crate_builds_without_what_it_lacks_offline(bench: Bench) -> None:
    assert bench.crate.built.fault == ""
    assert [call.test for call in bench.crate.built.invocations] == [False, True]


def test_the_tests_of_a_place_are_those_that_notice_it(bench: Bench, total: Pair) -> None:
    eligibility = bench.place(total).eligibility
    assert eligibility.tests == ("tests::a_shop_is_worth_its_stock",)
    assert len(eligibility.examples) == 2
    assert all("total" in code for code in eligibility.examples)


def test_a_reference_that_met_the_time_limit_is_tried_again_another_time(
    bench: Bench, total: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [locate(total, bench.vendor / "shop-1.0.0", bench.vendor)]
    kept = lambda: set(bench.crate.folder.glob("eligibility-*"))  # noqa: E731
    before, compiled = kept(), CrateSandbox.compile

    def slow(sandbox: CrateSandbox, words: Sequence[str], *rest: Any, **options: Any) -> Completed:
        result = compiled(sandbox, words, *rest, **options)
        return replace(result, returncode=-9, expired=True) if words[0] == "clippy-driver" else result

    def faults() -> set[str]:
        with closing(CrateSandbox(replace(bench.sandbox.limits, run_seconds=19.0))) as sandbox:
            return {one.fault for one in scan_eligibility(sites, bench.crate, sandbox).values()}

    with monkeypatch.context() as busy:
        busy.setattr(CrateSandbox, "compile", slow)
        assert faults() == {TIMED_OUT}
    assert kept() == before
    assert faults() == {""}
    assert len(kept()) == len(before) + 1


def test_a_method_is_found_in_its_impl_and_its_attributes_stay(bench: Bench) -> None:
    place = bench.place(pair(bench.vendor, NEW, context="impl Shop"))
    assert place.eligibility.fault == ""
    file = place.site.file("pub fn new(stock: Vec<u32>) -> Self { todo!() }").decode()
    assert "    #[must_use]\n    pub fn new(stock: Vec<u32>) -> Self { todo!() }\n\n" in file


def test_a_private_helper_without_documentation_is_judged_by_who_calls_it(bench: Bench) -> None:
    made = pair(bench.vendor, HIDDEN)
    assert bench.verdict(made, HIDDEN).status == "passed"
    assert bench.verdict(made, HIDDEN.replace("b - 3", "b - 2")).status == "wrong"


def test_the_reference_passes_with_all_its_tests(bench: Bench, total: Pair) -> None:
    verdict = bench.verdict(total, TOTAL)
    assert (verdict.status, verdict.compiles, verdict.tests_passed, verdict.tests_expected) == ("passed", True, 3, 3)
    assert verdict.clippy_clean is True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "status", "compiles"),
    [
        (TOTAL.replace("VALUE", "3"), "wrong", True),
        ("pub fn total(prices: &[u32]) -> u32 {\n    todo!()\n}", "wrong", True),
        ("pub fn total(prices: &[u32]) -> u32 {\n    prices.iter().map(|p| p * VALUE).sum()\n}", "passed", True),
        (
            "impl Shop { pub fn total(p: &[u32]) -> u32 { p.iter().map(|p| p * VALUE).sum() } }",
            "passed",
            True,
        ),
        (TOTAL.replace("&[u32]", "&[u64]"), "compile_error", False),
        (TOTAL.replace("VALUE", "coin::NONE"), "compile_error", False),
        (TOTAL.replace("u32 {", "u32 {{"), "compile_error", False),
        ("fn other() {}", "compile_error", False),
        ("", "compile_error", False),
        (TOTAL.replace("    sum\n", "    loop {}\n"), "run_timeout", True),
        (
            TOTAL.replace("    sum\n", "    fn deep(n: u32) -> u32 { deep(n + 1) + 1 }\n    deep(sum)\n"),
            "crashed",
            True,
        ),
    ],
)
def test_each_kind_of_answer_gets_its_verdict(
    bench: Bench, total: Pair, code: str, status: str, compiles: bool
) -> None:
    verdict = bench.verdict(total, code)
    assert (verdict.status, verdict.compiles) == (status, compiles)
    assert bool(verdict.errors) == (status == "compile_error")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("std::process::exit(0);", "policy"),
        ("use std::io::Write; std::io::stdout().write_all(b\"test x ... ok\\n\").unwrap();", "policy"),
        ("std::fs::read_to_string(\"/crate/src/lib.rs\").unwrap();", "policy"),
        ("let _ = include_str!(\"/crate/Cargo.toml\");", "policy"),
        ("unsafe { std::hint::unreachable_unchecked() }", "policy"),
        ("if cfg!(test) { return 10 }", "policy"),
        ("#![allow(warnings)]", "policy"),
        ("extern \"C\" { fn exit(code: i32); }", "policy"),
        ("print!(\"test tests::a_shop_is_worth_its_stock ... ok\\n\"); return 0;", "wrong"),
    ],
)  # fmt: skip
def test_what_would_forge_a_record_or_leave_the_test_does_not_pass(
    bench: Bench, total: Pair, statement: str, status: str
) -> None:
    verdict = bench.verdict(total, TOTAL.replace("let mut sum", f"{statement}\n    let mut sum"))
    assert verdict.status == status, verdict


def test_items_beside_the_function_do_not_travel(bench: Bench, total: Pair) -> None:
    code = TOTAL + "\n}\npub mod evil { pub fn take() {} }\n#[test]\nfn mine() {}\nfn open() {"
    function, _ = insertable_function(bench.place(total).site, code)
    assert "evil" not in function
    assert "mine" not in function


def test_the_candidates_lints_are_its_own_alone(bench: Bench, total: Pair) -> None:
    verdict = bench.verdict(total, TOTAL.replace("    sum\n", "    return sum;\n"))
    assert verdict.lints == ("clippy::needless_return",)
    assert verdict.clippy_clean is False
    silenced = TOTAL.replace("    sum\n", "    #[allow(unused_variables)]\n    let idle = 1;\n    sum\n")
    assert bench.verdict(total, silenced).lints == ("unused_variables",)


def test_one_candidate_leaves_nothing_for_the_next(bench: Bench, total: Pair) -> None:
    bench.place(total)  # which keeps what it found out about the function
    before = {path: path.stat().st_mtime_ns for path in bench.crate.folder.rglob("*")}
    bench.verdict(total, "pub fn total(prices: &[u32]) -> u32 {\n    todo!()\n}")
    assert {path: path.stat().st_mtime_ns for path in bench.crate.folder.rglob("*")} == before
    assert bench.verdict(total, TOTAL).status == "passed"


def test_a_place_that_is_not_compiled_here_is_not_judged(bench: Bench) -> None:
    assert bench.place(pair(bench.vendor, ELSEWHERE)).eligibility.fault == "not_compiled_here"
    assert bench.place(pair(bench.vendor, FEATURED)).eligibility.fault == ""


def test_without_a_place_the_text_alone_decides(bench: Bench, total: Pair) -> None:
    judge = InCrateJudge(bench.sandbox, {}, {total.id: TOTAL})
    verdicts = judge.judge([candidate(total, TOTAL), candidate(total, "fn f() {}")], lambda _done, _all: None)
    assert [(verdict.status, verdict.compiles) for verdict in verdicts] == [("passed", None), ("wrong", None)]


def test_a_sandbox_that_does_not_start_is_a_fault_and_no_compile_error(
    bench: Bench, total: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bench.place(total)
    missing = {Path("/no/such/folder"): "/usr"}
    monkeypatch.setattr("rustml.judge.in_crate.crate_sandbox._existing", lambda _folders: missing)
    verdict = InCrateJudge(bench.sandbox, {total.id: place}, {}).verdict(candidate(total, TOTAL))
    assert verdict.status == "infrastructure"
    assert verdict.compiles is None


def test_completions_and_corrected_lines_are_made_whole(bench: Bench) -> None:
    head, rest = TOTAL[: TOTAL.index("        sum +=")], TOTAL[TOTAL.index("        sum +=") :]
    completed = pair(bench.vendor, rest, task="completion", given=head, function=TOTAL)
    assert bench.verdict(completed, rest).status == "passed"
    assert bench.verdict(completed, rest.replace("VALUE", "1")).status == "wrong"
    broken = TOTAL.replace("price * VALUE", "price / VALUE")
    line = "sum += price * VALUE;"
    fixed = pair(bench.vendor, line, task="bug_detection", given=f"{broken}\n", function=TOTAL)
    assert bench.verdict(fixed, line + "\n").status == "passed"
    assert bench.verdict(fixed, "sum += price / VALUE;\n").status == "wrong"


def test_a_changed_or_missing_source_has_no_place(bench: Bench, total: Pair, tmp_path: Path) -> None:
    changed = msgspec.structs.replace(total, origin=msgspec.structs.replace(total.origin, sha256="0"))
    folder = crate_folder(total.origin, tmp_path)
    with pytest.raises(SiteNotFound, match="file_changed"):
        locate(changed, folder, bench.vendor)
    with pytest.raises(SiteNotFound, match="not_found_in_file"):
        locate(pair(bench.vendor, "fn nowhere() {}"), folder, bench.vendor)
    away = msgspec.structs.replace(total.origin, url="https://crates.io/x", registry="https://index.crates.io/")
    with pytest.raises(SiteNotFound, match="no_crate_source"):
        crate_folder(away, tmp_path)
    assert vendor_folder(away, "") is None
    with pytest.raises(InputError, match="cargo vendor"):
        vendor_folder(away, str(tmp_path / "none"))


def test_a_crate_is_built_once_and_a_killed_build_starts_clean(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = bench.vendor / "coin-0.3.1"
    attempt = prepared_crate._attempt

    def killed(*_arguments: object, **_options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepared_crate, "_attempt", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, bench.vendor, tmp_path, bench.sandbox)
    monkeypatch.setattr(prepared_crate, "_attempt", attempt)
    built = prepare(source, bench.vendor, tmp_path, bench.sandbox)
    monkeypatch.setattr(prepared_crate, "_attempt", killed)
    assert prepare(source, bench.vendor, tmp_path, bench.sandbox) == built
    assert not built.built.fault


@pytest.mark.parametrize(
    ("features", "chosen"),
    [
        ('extra = []\nfull = ["extra"]\n', ("extra", "full")),
        ('extra = []\nfull = ["extra"]\nbroken = []\n', ("full",)),
        ('default = ["extra"]\nextra = []\nbroken = []\n', ("default",)),
    ],
    ids=["all", "what the crate calls full", "the defaults"],
)
def test_as_many_features_are_on_as_build_together(
    features: str, chosen: tuple[str, ...], bench: Bench, tmp_path: Path
) -> None:
    source = tmp_path / "rich-1.0.0"
    (source / "src").mkdir(parents=True)
    gates = '#[cfg(feature = "broken")]\nmod not_there;\n#[cfg(not(feature = "extra"))]\nmod not_there;'
    (source / "src" / "lib.rs").write_text(f"{gates}\npub fn f() {{}}\n")
    (source / "Cargo.toml").write_text(f'[package]\nname = "rich"\nversion = "1.0.0"\n[features]\n{features}')
    built = prepare(source, bench.vendor, tmp_path / "cache", bench.sandbox).built
    assert (built.fault, built.features) == ("", chosen)


def test_a_crate_that_needs_what_is_not_there_says_so(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "lone-1.0.0"
    (source / "src").mkdir(parents=True)
    (source / "src" / "lib.rs").write_text("pub fn f() {}\n")
    (source / "Cargo.toml").write_text('[package]\nname = "lone"\nversion = "1.0.0"\n[dependencies]\nabsent = "1"\n')
    made = prepare(source, bench.vendor, tmp_path / "cache", bench.sandbox)
    assert "absent" in made.built.fault


def test_tests_that_use_an_absent_package_are_tried_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[object] = []
    attempt = prepared_crate._attempt

    def counted(*arguments: object, **options: object) -> object:
        attempts.append(arguments)
        return attempt(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(prepared_crate, "_attempt", counted)
    source = tmp_path / "lone-1.0.0"
    (source / "src").mkdir(parents=True)
    (source / "src" / "lib.rs").write_text("pub fn f() {}\n#[cfg(test)]\nuse absent::anything;\n")
    manifest = '[package]\nname = "lone"\nversion = "1.0.0"\n[features]\nmore = []\n[dev-dependencies]\nabsent = "1"\n'
    (source / "Cargo.toml").write_text(manifest)
    built = prepare(source, bench.vendor, tmp_path / "cache", bench.sandbox).built
    assert (built.fault, [call.test for call in built.invocations], len(attempts)) == ("", [False], 1)


HOSTILE = """
use std::{fs, net, process, thread};
#[test]
fn network() {
    assert!(net::TcpStream::connect("127.0.0.1:22").is_err());
    assert!(net::UdpSocket::bind("127.0.0.1:0").is_err());
}
#[test]
fn processes() { assert!(process::Command::new("/bin/true").status().is_err()); }
#[test]
fn threads() { thread::spawn(|| ()).join().unwrap(); }
#[test]
fn writes() { assert!(fs::write("/crate/x", "x").is_err()); assert!(fs::write("/t", "x").is_err()); }
#[test]
fn secrets() {
    for place in ["/root", "/proc", "/home"] { assert!(fs::read_dir(place).is_err()); }
    assert!(fs::read("/etc/passwd").is_err());
    assert!(std::env::var("RUSTML_SECRET").is_err());
}
"""


def test_a_test_program_reaches_neither_network_nor_files_nor_processes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTML_SECRET", "seen")
    compiler = Recompiler(bench.sandbox, bench.crate)
    call = bench.crate.built.invocations[1]
    with compiler.folder() as out:
        assert compiler.compile(call, {"src/lib.rs": HOSTILE.encode()}, "test", out).ok
        ran = CrateTestRunner(bench.sandbox, bench.crate).run(out / "tests", cpu=5, seconds=30)
    names = {"network", "processes", "threads", "writes", "secrets"}
    assert (ran.passed, ran.failed, ran.returncode) == (names, frozenset(), 0)


def test_compile_time_code_sees_neither_environment_nor_files(
    bench: Bench, total: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTML_SECRET", "seen")
    asks = TOTAL.replace("    sum\n", '    if option_env!("RUSTML_SECRET").is_some() { 1 } else { sum }\n')
    assert bench.verdict(total, asks).status == "policy"
    reads = TOTAL.replace("    sum\n", '    let _ = include_str!("/etc/passwd");\n    sum\n')
    assert bench.verdict(total, reads).status == "compile_error"


@pytest.mark.slow
def test_an_endless_compilation_ends(bench: Bench, total: Pair) -> None:
    place = bench.place(total)
    endless = TOTAL.replace(
        "    sum\n", "    const X: u32 = { let mut n = 0u32; loop { n = n.wrapping_add(1); } };\n    X\n"
    )
    quick = CrateSandbox(Limits(compile_seconds=2.0))
    started = time.monotonic()
    verdict = InCrateJudge(quick, {total.id: place}, {}).verdict(candidate(total, endless))
    quick.close()
    assert verdict.status in {"compile_timeout", "compile_error"}
    assert time.monotonic() - started < 60


def test_eligibility_says_whether_there_are_tests() -> None:
    assert not Eligibility(call=0).testable
    assert Eligibility(call=0, examples=("f();",)).testable
