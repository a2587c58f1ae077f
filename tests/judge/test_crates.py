"""Candidates and their tests use the crates that the problem names; what macros of a crate wrote decides nothing."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.judge import Judge
from rustml.judge.in_crate.crate_sets import CrateSets, CratesUnavailable
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.dependency_macros import written_by_macros
from rustml.profile import load
from rustml.records import Candidate, Dependency, Verdict
from tests.support.crate_archives import manifest
from tests.support.judge_cases import LIMITS

TALLY = {
    "Cargo.toml": manifest("tally", "1.2.0", extra="[features]\nloud = []\n"),
    "build.rs": """
fn main() {
    let host = std::fs::read_dir("HOST").is_ok();
    println!("cargo:rustc-env=SAW_HOST={host}");
}
""",
    "src/lib.rs": """
pub const SAW_HOST: &str = env!("SAW_HOST");
pub const LOUD: bool = cfg!(feature = "loud");
pub trait Tally {
    fn tally(&self) -> usize;
}
impl Tally for [u8] {
    fn tally(&self) -> usize {
        self.len()
    }
}
#[derive(Debug, PartialEq, Clone)]
pub struct Count(pub usize);
#[macro_export]
macro_rules! always_equal {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, _: &Self) -> bool {
                true
            }
        }
    };
}
""",
}
DEPENDENCIES = (Dependency(name="tally", version="1"),)
TESTS = """
use tally::Tally;
#[test]
fn counts() {
    assert_eq!(count(&[1, 2]), tally::Count(2));
    assert_eq!([1u8, 2, 3][..].tally(), 3);
}
"""
SIGNATURE = "fn count(xs: &[u8]) -> tally::Count"
RIGHT = "use tally::{Count, Tally};\n\npub fn count(xs: &[u8]) -> Count {\n    Count(xs.tally())\n}\n"
LYING = """
tally::always_equal!(Mine);
#[derive(Debug, Clone)]
pub struct Mine(pub i32);
pub fn make(x: i32) -> Mine { Mine(0 * x) }
"""
HONEST = "#[derive(Debug, Clone, PartialEq)]\npub struct Mine(pub i32);\npub fn make(x: i32) -> Mine { Mine(x) }\n"
TYPED = "#[test]\nfn makes() {\n    assert_eq!(make(3), Mine(3));\n}\n"


def candidate(name: str, code: str, tests: str = TESTS, entry: str = "count", **fields: object) -> Candidate:
    made = Candidate(id=name, code=code, tests=tests, entry_point=entry, dependencies=DEPENDENCIES)
    return msgspec.structs.replace(made, **fields)


CANDIDATES = (
    candidate("right", RIGHT, signature=SIGNATURE),
    candidate("wrong", RIGHT.replace("xs.tally()", "xs.tally() + 1"), signature=SIGNATURE),
    candidate("does not compile", RIGHT.replace("xs.tally()", "xs.sum()"), signature=SIGNATURE),
    candidate("untested", RIGHT.replace("    Count(xs.tally())", "    return Count(xs.tally());"), tests=""),
    candidate("honest type", HONEST, TYPED, "make"),
    candidate("lying type", LYING, TYPED, "make"),
    candidate(
        "prelude",
        "pub fn count(xs: &[u8]) -> Count {\n    Count(xs.tally())\n}\n",
        "#[test]\nfn t() {\n    assert_eq!(count(&[1]), Count(1));\n}\n",
        prelude="use tally::{Count, Tally};\n",
        signature="fn count(xs: &[u8]) -> Count",
    ),
    candidate(
        "build script",
        "pub fn saw() -> (&'static str, bool) {\n    (tally::SAW_HOST, tally::LOUD)\n}\n",
        '#[test]\nfn t() {\n    assert_eq!(saw(), ("false", true));\n}\n',
        "saw",
        dependencies=(Dependency(name="tally", version="1.2", features=("loud",)),),
    ),
    candidate("not named", RIGHT, dependencies=()),
    candidate("missing", RIGHT, dependencies=(Dependency(name="nowhere", version="1"),)),
    candidate("another version", RIGHT, dependencies=(Dependency(name="tally", version="2"),)),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vendor = tmp_path_factory.mktemp("vendor")
    for name, text in TALLY.items():
        file = vendor / "tally-1.2.0" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("HOST", str(Path.home()), 1) if name == "build.rs" else text)
    (vendor / "tally-1.2.0" / ".cargo-checksum.json").write_text(json.dumps({"files": {}}))
    return vendor


def crate_sets(source: Path, cache: Path) -> CrateSets:
    try:
        return CrateSets(CargoSource({"directory": str(source)}), cache, LIMITS)
    except EnvironmentFault as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def verdicts(source: Path, cache: Path) -> Iterator[dict[str, Verdict]]:
    with Judge(LIMITS, workers=2, crates=crate_sets(source, cache / "crates"), cache=cache / "verdicts") as judge:
        yield {verdict.id: verdict for verdict in judge.judge(CANDIDATES)}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("right", "passed"),
        ("wrong", "wrong"),
        ("does not compile", "compile_error"),
        ("untested", "untested"),
        ("honest type", "passed"),
        ("lying type", "policy"),
        ("prelude", "passed"),
        ("build script", "passed"),
        ("not named", "compile_error"),
        ("missing", "infrastructure"),
        ("another version", "infrastructure"),
    ],
)
def test_each_is_judged_with_the_crates_that_it_names(verdicts: dict[str, Verdict], name: str, status: str) -> None:
    assert verdicts[name].status == status, verdicts[name]


def test_a_set_that_cannot_be_had_says_why_and_lints_see_the_crates(verdicts: dict[str, Verdict]) -> None:
    assert "nowhere is not in the source" in verdicts["missing"].detail
    assert 'tally = "^2"' in verdicts["another version"].detail
    assert verdicts["untested"].lint_counts == {"clippy::needless_return": 1}


def test_a_set_is_built_once(verdicts: dict[str, Verdict], source: Path, cache: Path) -> None:
    assert verdicts
    before = {path: path.stat().st_mtime_ns for path in (cache / "crates").rglob("*.rlib")}
    with crate_sets(source, cache / "crates") as sets:
        made = sets.compiled(DEPENDENCIES)
        assert sets.fault(DEPENDENCIES) == ""
        with pytest.raises(CratesUnavailable, match="nowhere"):
            sets.compiled((Dependency(name="nowhere", version="1"),))
    assert before == {path: path.stat().st_mtime_ns for path in (cache / "crates").rglob("*.rlib")}
    assert any(word.startswith("tally=") for word in made.arguments)


def test_a_set_is_kept_under_what_the_source_holds_wherever_it_lies(source: Path, tmp_path: Path) -> None:
    def folder(vendor: Path) -> Path:
        with crate_sets(vendor, tmp_path / "cache") as sets:
            return sets.compiled(DEPENDENCIES).folder

    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    built = folder(source)
    assert folder(copy) == built
    library = copy / "tally-1.2.0" / "src" / "lib.rs"
    library.write_text(library.read_text() + "pub fn added() {}\n")
    assert folder(copy) != built


@pytest.mark.usefixtures("verdicts")
def test_what_the_source_lacks_is_not_kept(cache: Path) -> None:
    kept = {json.loads(path.read_bytes())["status"] for path in (cache / "verdicts").rglob("*.json")}
    assert "infrastructure" not in kept
    assert {"passed", "policy"} <= kept


def test_a_judge_without_crates_says_so(judge: Judge) -> None:
    (verdict,) = judge.judge(CANDIDATES[:1])
    assert (verdict.status, verdict.detail) == (
        "infrastructure",
        "its crates cannot be had: judge.crates of the profile is empty",
    )
    assert judge.crates_fault(()) == ""


@pytest.mark.parametrize("name", ['a"b', "a b", "", "a\nb", "../a", "1a"])
def test_a_name_that_is_not_a_crates_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps({"name": name, "version": "1"}), type=Dependency)


def test_a_profile_names_the_source(source: Path, tmp_path: Path) -> None:
    section = load("tiny").judge
    assert CrateSets.of(section, tmp_path, LIMITS) is None
    made = CrateSets.of(msgspec.structs.replace(section, crates=str(source)), tmp_path, LIMITS)
    assert made is not None
    made.close()
    with pytest.raises(InputError, match="nowhere"):
        CrateSets.of(msgspec.structs.replace(section, crates="nowhere"), tmp_path, LIMITS)


@pytest.mark.parametrize(
    ("code", "distrusted"),
    [
        ("use serde::Serialize;\n#[derive(Debug, Serialize, PartialEq)]\nstruct A;", False),
        ("use dep::Thing;\n#[derive(PartialEq)]\nenum K { A }\nuse K::*;\nfn f() { println!(); vec![1]; mine!(); }\n"
         "macro_rules! mine { () => {} }", False),
        ("#[derive(thiserror::Error)]\nenum E { #[error(\"x\")] A(#[from] std::io::Error) }", True),
        ("#[derive(Educe)]\nstruct A;", True),
        ("#[dep::derive_all]\nstruct A;", True),
        ("#[derive_where]\nstruct A;", True),
        ("#[cfg_attr(all(), derive(Educe))]\nstruct A;", True),
        ("fn f() { paste! { impl X for A {} } }", True),
        ("dep::vec![1];", True),
        ("use dep::vec;\nfn f() { vec![1]; }", True),
        ("use dep::PartialEq;\n#[derive(PartialEq)]\nstruct A;", True),
        ("use dep::{Educe as Serialize};\n#[derive(Serialize)]\nstruct A;", True),
        ("use dep::*;\n#[derive(PartialEq)]\nstruct A;", True),
        ("mod m { fn f() { use dep::Educe as Clone; } }", True),
        ("use dep::Extend as _;\nstruct A;", False),
        ("#[serde::dep]\nstruct A;", True),
    ],
)  # fmt: skip
def test_what_a_dependencys_macro_may_have_written_is_told_by_the_text(code: str, distrusted: bool) -> None:
    assert written_by_macros(CandidateSource(code)) == distrusted
