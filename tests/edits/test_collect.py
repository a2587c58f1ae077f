"""Functions of a real crate, built here, become verified changes."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.edits.collect import collect
from rustml.edits.report import EditsReport
from rustml.errors import InputError
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.origin import directory_registry, folder_url
from rustml.profile import load
from rustml.records import Edit, Origin, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Summary, run
from tests.support.in_crate import require_sandbox

LIBRARY = """\
//! A crate with faults.

pub fn is_small(number: u64) -> bool {
    if number < 10 {
        return true;
    } else {
        return false;
    }
}

pub struct Cart {
    prices: Vec<u64>,
}

impl Cart {
    #[must_use]
    pub fn total(&self) -> u64 {
        let mut sum = 0;
        for price in &self.prices {
            sum += price;
        }
        sum
    }

    pub fn total_of_lines(text: &str) -> Result<u64, std::num::ParseIntError> {
        let mut sum = 0;
        for line in text.lines() {
            sum += line.parse::<u64>()?;
        }
        Ok(sum)
    }
}

pub fn longer<'a>(one: &'a str, other: &'a str) -> &'a str {
    let smaller = one.len() < other.len();
    let chosen = if smaller { other } else { one };
    chosen.trim()
}

pub fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8 {
    a ^ b ^ c ^ d ^ e ^ f ^ g ^ h
}

#[cfg(windows)]
pub fn elsewhere(text: &str) -> Result<u64, std::num::ParseIntError> {
    let mut number = text.parse::<u64>()?;
    number += 1;
    Ok(number)
}
"""
MANIFEST = '[package]\nname = "faulty"\nversion = "1.0.0"\nedition = "2021"\nlicense = "MIT"\n'


class Made:
    """What the stage's body made of the crate."""

    def __init__(self, root: Path, library: str = LIBRARY) -> None:
        self.library = library
        self.folder = root / "vendor" / "faulty-1.0.0"
        (self.folder / "src").mkdir(parents=True)
        (self.folder / "src" / "lib.rs").write_text(library)
        (self.folder / "Cargo.toml").write_text(MANIFEST)
        (self.folder / ".cargo-checksum.json").write_text(json.dumps({"files": {}, "package": "0" * 64}))
        places = Places(cache=CacheLayout(root / "cache"))
        self.report: EditsReport = collect(
            load("tiny").edits, Limits(), self.corpus(root / "curate"), root / "out", places, workers=1
        )
        self.edits = {(edit.task, _name(edit.after)): edit for edit in read_jsonl(root / "out" / "edits.jsonl", Edit)}

    def corpus(self, out: Path) -> Path:
        origin = Origin(
            kind="crate",
            name="faulty",
            version="1.0.0",
            licence="MIT",
            path="src/lib.rs",
            registry=directory_registry(self.folder.parent),
            url=folder_url(self.folder),
            sha256=hashlib.sha256(self.library.encode()).hexdigest(),
        )
        stale = msgspec.structs.replace(origin, path="src/gone.rs")
        files = [SourceFile(origin=one, text=self.library) for one in (origin, stale)]

        def job(index: int, folder: Path) -> Summary:  # noqa: ARG001
            return Summary(records=write_jsonl(folder / "files.jsonl", files), funnel=())

        run(job, 1, out / "files", workers=1)
        return out


def _name(code: str) -> str:
    return code.partition("fn ")[2].partition("(")[0].partition("<")[0]


@pytest.fixture(scope="module")
def toolchain() -> None:
    require_sandbox()


@pytest.fixture(scope="module")
def made(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Made:  # noqa: ARG001
    return Made(tmp_path_factory.mktemp("edits"))


def test_what_clippy_suggests_is_done_until_no_lint_is_left(made: Made) -> None:
    edit = made.edits["clippy_fix", "is_small"]
    assert "return true;" in edit.before
    assert edit.after.split() == ["pub", "fn", "is_small(number:", "u64)", "->", "bool", "{", "number", "<", "10", "}"]
    assert edit.codes == ("clippy::needless_bool",) or "clippy::needless_return" in edit.codes
    assert all("`clippy::" in note and "help" not in note for note in edit.notes)


def test_a_lint_that_nothing_mends_makes_no_change(made: Made) -> None:
    (step,) = [step for step in made.report.funnel if step.stage == "suggestion"]
    assert any("many" in LIBRARY[int(sample.split(":")[1]) :][:20] for sample in step.samples["none"])
    assert ("clippy_fix", "many") not in made.edits


def test_the_compiler_refuses_what_is_before_and_says_why(made: Made) -> None:
    edit = made.edits["compile_error_fix", "total"]
    start, end = edit.span
    assert LIBRARY[start:end].split() == edit.after.removeprefix("#[must_use]\n").split()
    assert edit.before != edit.after
    assert edit.notes[0].startswith("error")
    assert "src/lib.rs:" in edit.notes[0]
    assert "/crate/" not in "".join(edit.notes)
    assert edit.context == "impl Cart"


def test_an_error_is_passed_on_where_it_was_a_panic(made: Made) -> None:
    edit = made.edits["error_handling", "total_of_lines"]
    assert edit.before == edit.after.replace("?;", ".unwrap();")
    assert edit.codes == ("clippy::unwrap_used",)


def test_lifetimes_come_back_where_the_compiler_misses_them(made: Made) -> None:
    edit = made.edits["lifetime_annotation", "longer"]
    assert edit.before.startswith("pub fn longer(one: &str, other: &str) -> &str {")
    assert edit.after.startswith("pub fn longer<'a>(one: &'a str,")
    assert edit.codes == ("E0106",)


def test_what_this_machine_does_not_compile_makes_no_change(made: Made) -> None:
    assert not [name for _, name in made.edits if name == "elsewhere"]
    dropped = {step.stage: step.dropped for step in made.report.funnel}
    assert dropped["refused"]["still_compiles"] >= 1
    assert dropped["handling"]["not_compiled_here"] == 1


def test_every_change_has_its_file_and_licence(made: Made) -> None:
    assert {(edit.origin.path, edit.origin.licence) for edit in made.edits.values()} == {("src/lib.rs", "MIT")}
    assert made.report.metrics()["edits.records"] == len(made.edits)


@pytest.mark.usefixtures("toolchain")
def test_a_crate_that_does_not_compile_is_counted_and_makes_no_change(tmp_path: Path) -> None:
    broken = Made(tmp_path, "pub fn broken() -> u64 { missing() }\n")
    assert not broken.edits
    (crates,) = (step for step in broken.report.funnel if step.stage == "crate")
    assert sum(crates.dropped.values()) == 1
    assert all(reason.startswith("crate_does_not_") for reason in crates.dropped)


@pytest.mark.usefixtures("toolchain")
def test_a_defect_of_ours_is_not_taken_for_an_unfit_crate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr("rustml.edits.jobs.targets", defective)
    with pytest.raises(ValueError, match="a defect"):
        Made(tmp_path, "pub fn fine() -> u64 { 1 }\n")


def test_a_corpus_without_crates_is_refused(tmp_path: Path) -> None:
    def job(index: int, folder: Path) -> Summary:  # noqa: ARG001
        return Summary(records=write_jsonl(folder / "files.jsonl", []), funnel=())

    run(job, 1, tmp_path / "curate" / "files", workers=1)
    places = Places(cache=CacheLayout(tmp_path / "cache"))
    with pytest.raises(InputError, match="no crate"):
        collect(load("tiny").edits, Limits(), tmp_path / "curate", tmp_path / "out", places, workers=1)
