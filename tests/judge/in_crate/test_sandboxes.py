"""What is promised of code judged in a crate holds in both sandboxes, and both give the same verdicts."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.judge import Limits
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.insertion import JudgeableSite
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.judge.in_crate.prepared_crate import BuildRecord, PreparedCrate, prepare
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.sites import locate
from rustml.judge.in_crate.test_runner import CrateTestRunner
from tests.support.crates import TOTAL, candidate, pair
from tests.support.in_crate import Bench, built
from tests.support.processes import until

NAMES = ("bubblewrap", "landlock")
ELIGIBLE = Eligibility(
    call=0,
    test_call=1,
    tests=("tests::a_shop_is_worth_its_stock",),
    examples=("assert_eq!(shop::total(&[1, 2]), 6);",),
    integration=("tests_whole_cart::a_cart_is_summed_from_outside",),
)
CODES = {
    TOTAL: "passed",
    "pub fn total(prices: &[u32]) -> u32 {\n    todo!()\n}": "wrong",
    TOTAL.replace("&[u32]", "&[u64]"): "compile_error",
    TOTAL.replace("VALUE", "coin::NONE"): "compile_error",
}


@pytest.fixture(scope="module", params=NAMES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with built(tmp_path_factory.mktemp("sandboxes"), request.param) as ready:
        yield ready


def test_verdicts_are_the_same_and_say_what_held(bench: Bench) -> None:
    made = pair(bench.vendor, TOTAL)
    site = locate(made, bench.vendor / "shop-1.0.0", bench.vendor)
    judge = InCrateJudge(bench.sandbox, {made.id: JudgeableSite(site, ELIGIBLE, bench.crate)}, {})
    verdicts = judge.judge([candidate(made, code) for code in CODES])
    assert [verdict.status for verdict in verdicts] == list(CODES.values())
    assert (verdicts[0].tests_passed, verdicts[0].tests_expected) == (3, 3)
    assert verdicts[2].errors[0].code == "E0308"
    assert {verdict.sandbox for verdict in verdicts} == {bench.sandbox.name}
    assert bench.sandbox.name in {"bubblewrap+rlimits+seccomp", "landlock+seccomp+rlimits"}


HOSTILE = """
use std::{env, fs, net, os::unix::fs::PermissionsExt, os::unix::net::UnixListener, path::Path, process, thread};
const CRATE: &str = env!("CARGO_MANIFEST_DIR");
extern "C" { fn prlimit(pid: i32, what: i32, new: *const [u64; 2], old: *mut [u64; 2]) -> i32; }
#[test]
fn network() {
    assert!(net::TcpStream::connect("127.0.0.1:22").is_err());
    assert!(net::UdpSocket::bind("127.0.0.1:0").is_err());
    assert!(UnixListener::bind(env::temp_dir().join("socket")).is_err());
}
#[test]
fn processes() { assert!(process::Command::new("/bin/true").status().is_err()); }
#[test]
fn threads() { thread::spawn(|| ()).join().unwrap(); }
#[test]
fn neighbours() { assert_eq!(unsafe { prlimit(JUDGE, 7, &[0, 0], std::ptr::null_mut()) }, -1); }
#[test]
fn fixtures() { assert!(fs::read_to_string("tests/common/mod.rs").unwrap().contains("PRICE")); }
#[test]
fn writes() {
    let target = env::current_exe().unwrap_or_else(|_| "/t".into());
    for place in [Path::new(CRATE).join("x"), Path::new(CRATE).join("src/lib.rs"), target, "TARGET/x".into()] {
        assert!(fs::write(place, "x").is_err());
    }
    let _ = fs::set_permissions(Path::new(CRATE).join("src/lib.rs"), fs::Permissions::from_mode(0o777));
    assert!(fs::write("/dev/null", "x").is_ok());
}
#[test]
fn leaves() {
    let place = env::temp_dir().join("left");
    assert!(!place.exists());
    fs::create_dir(&place).unwrap();
    fs::write(place.join("file"), "x").unwrap();
    assert_eq!(fs::read(place.join("file")).unwrap(), b"x");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o000)).unwrap();
}
#[test]
fn secrets() {
    for place in ["/root", "/proc", "/home", "/etc", "BESIDE"] { assert!(fs::read_dir(place).is_err()); }
    assert!(fs::read("/etc/passwd").is_err());
    assert!(env::var("RUSTML_SECRET").is_err());
}
"""


def test_a_test_program_reaches_neither_network_nor_files_nor_processes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTML_SECRET", "seen")
    compiler, runner = Recompiler(bench.sandbox, bench.crate), CrateTestRunner(bench.sandbox, bench.crate)
    words = {"JUDGE": str(os.getpid()), "TARGET": str(bench.crate.folder / "target"), "BESIDE": str(bench.vendor)}
    hostile = re.sub("JUDGE|TARGET|BESIDE", lambda found: words[found[0]], HOSTILE)
    before = _state(bench.crate)
    with compiler.folder() as out:
        assert compiler.compile(bench.crate.built.invocations[1], {"src/lib.rs": hostile.encode()}, "test", out).ok
        runs = [runner.run(out / "tests", cpu=5, seconds=30) for _ in range(2)]
    names = set(re.findall(r"#\[test\]\nfn (\w+)", HOSTILE))
    for run in runs:
        assert (run.passed, run.failed, run.returncode) == (names, frozenset(), 0)
    assert _state(bench.crate) == before


def _state(crate: PreparedCrate) -> dict[Path, tuple[int, int, int]]:
    found = {path: path.lstat() for path in crate.folder.rglob("*")}
    return {path: (one.st_mode, one.st_size, one.st_mtime_ns) for path, one in found.items()}


SCRIPT = r"""
use std::{env, fs, net::TcpListener, path::Path, process::Command};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let mut report = Vec::new();
    for place in ["/etc/passwd", "SECRET"] {
        if fs::read(place).is_ok() { report.push(format!("read {place}")); }
    }
    for place in ["BESIDE/x", "VENDOR/x", "/usr/x", "BESIDE/cache/x"] {
        if fs::write(place, "x").is_ok() { report.push(format!("wrote {place}")); }
    }
    let own_network = !Path::new("SECRET").exists(); // as the files: all that is not the sandbox's is gone
    if TcpListener::bind("127.0.0.1:0").is_ok() && !own_network { report.push("socket".into()); }
    let _ = Command::new("chmod").args(["777", "SECRET"]).status();
    let left = format!("setsid sleep 300 & while sleep 0.05; do date +%N > {out}/alive; done");
    for shell in [left.clone(), format!("exec setsid sh -c '{left}'")] {
        let _ = Command::new("sh").args(["-c", &format!("({shell}) < /dev/null > /dev/null 2>&1 &")]).status();
    }
    fs::copy(env::current_dir().unwrap().join("Cargo.toml"), format!("{out}/copy")).unwrap();
    fs::write(format!("{out}/report"), format!("{report:?}")).unwrap();
}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_build_script_reaches_nothing_and_leaves_no_process(name: str, tmp_path: Path) -> None:
    secret, vendor = tmp_path / "secret", tmp_path / "vendor"
    secret.write_text("secret")
    secret.chmod(0o600)
    words = {"SECRET": str(secret), "BESIDE": str(tmp_path), "VENDOR": str(vendor)}
    package = '[package]\nname = "{}"\nversion = "1.0.0"\nedition = "2021"\n'
    script = re.sub("SECRET|BESIDE|VENDOR", lambda found: words[found[0]], SCRIPT)
    evil, crate = vendor / "evil-1.0.0", tmp_path / "user-1.0.0"
    for folder, manifest in ((evil, package.format("evil")), (crate, package.format("user") + USES)):
        (folder / "src").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(manifest)
        (folder / "src/lib.rs").write_text("pub fn f() {}\n")
    (evil / "build.rs").write_text(script)
    (evil / ".cargo-checksum.json").write_text('{"package": null, "files": {}}')
    sandbox = CrateSandbox(Limits(), name)
    made = prepare(crate, vendor, tmp_path / "cache", sandbox, tests=False)
    sandbox.close()
    assert made.built.fault == ""
    (report,) = made.folder.glob("target/debug/build/evil-*/out/report")
    assert report.read_text() == "[]"
    assert (report.parent / "copy").read_text() == package.format("evil")
    assert secret.stat().st_mode & 0o777 == 0o600
    until(lambda: not _alive(str(tmp_path)), 10)
    assert (made.sources / "Cargo.toml").read_text() == package.format("user") + USES


USES = '[dependencies]\nevil = "1"\n'


def _alive(word: str) -> list[str]:
    """The commands of processes that name a folder."""
    commands = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(place.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [command for command in commands if word in command]


def test_a_build_of_one_sandbox_is_not_the_others(bench: Bench, tmp_path: Path) -> None:
    other = next(name for name in NAMES if not bench.sandbox.name.startswith(name))
    sandbox = CrateSandbox(Limits(), other)
    source, cache = bench.vendor / "coin-0.3.1", tmp_path / "cache"
    made = [prepare(source, bench.vendor, cache, one, tests=False) for one in (bench.sandbox, sandbox)]
    sandbox.close()
    assert made[0].folder != made[1].folder
    assert [one.built.fault for one in made] == ["", ""]
    assert {one.sandbox for one in made} == {bench.sandbox.name, sandbox.name}


def test_a_record_names_files_where_the_build_lies_now() -> None:
    record = BuildRecord(invocations=(), features=(), place="/a.partial")
    assert record.moved(Path("/a")).place == "/a"


def test_nothing_is_judged_in_a_crate_without_a_sandbox() -> None:
    with pytest.raises(InputError, match="sandbox: none"):
        CrateSandbox(Limits(), "none")
