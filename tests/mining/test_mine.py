"""From a harvest to verified problems."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.banks.sources.load import load_bank
from rustml.cache_layout import CacheLayout
from rustml.errors import InputError, JudgeFault
from rustml.judge import Judge, Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.mining.drafts import drafts
from rustml.mining.mine import Miner
from rustml.mining.report import MineReport
from rustml.mining.verify import too_weak, verified
from rustml.pairs.trace import find
from rustml.profile import load
from rustml.profile.mine import MineSection
from rustml.records import Candidate, Problem, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, run
from rustml.similarity.overlap import Protected
from rustml.testing import FakeJudge

Section = Callable[..., MineSection]


class Harvest(msgspec.Struct, frozen=True):
    """A job that writes one shard of files."""

    files: tuple[SourceFile, ...]

    def __call__(self, _index: int, folder: Path) -> Summary:
        return Summary(records=write_jsonl(folder / "files.jsonl", self.files), funnel=())


def mined(
    crate: list[SourceFile], section: MineSection, judge: FakeJudge | Judge, folder: Path, guard: str = ""
) -> MineReport:
    run(Harvest(tuple(crate)), 1, folder / "harvest" / "files", workers=1)
    protected = [Protected(bank="humaneval", text=guard)] if guard else []
    curation = load("tiny").curate
    places = Places(cache=CacheLayout(folder / "cache"))
    limits = Limits.from_section(load("tiny").judge)
    miner = Miner(section, curation, judge, places, limits, workers=1)
    return miner.mine(folder / "harvest", folder / "out", protected)


def problems(folder: Path) -> list[Problem]:
    return list(read_jsonl(folder / "out" / "mined.jsonl", Problem))


def test_the_judge_passes_references_and_the_tests_refuse_variants(
    crate: list[SourceFile], section: Section, tmp_path: Path
) -> None:
    limits = Limits.from_section(load("tiny").judge)
    with Judge(limits, sandbox="auto", lints=False) as judge:
        report = mined(crate, section(), judge, tmp_path)
    names = {problem.entry_point for problem in problems(tmp_path)}
    assert names == {"clamp", "initials", "Limit::doubled"}
    assert report.problems == 3
    assert all(float(problem.tags["strength"]) >= 0.5 for problem in problems(tmp_path))
    assert load_bank("mined", tmp_path / "out" / "mined.jsonl").trainable
    part, pair = next(find(problems(tmp_path)[0].id, tmp_path / "out"))
    assert (part, pair.origin) == (problems(tmp_path)[0].split, problems(tmp_path)[0].origin)


def test_tests_that_pass_a_function_of_todo_are_dropped(
    crate: list[SourceFile], section: Section, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no problem is left"):
        mined(crate, section(), FakeJudge("passed"), tmp_path)


def test_few_wrong_variants_that_compile_are_too_few_where_the_profile_asks_for_more(section: Section) -> None:
    more = section(min_variants=2)
    assert [too_weak(tried, 1.0, more) for tried in (0, 1, 2)] == ["no_mutant", "few_mutants", ""]
    assert [too_weak(1, strength, section()) for strength in (0.4, 0.5)] == ["weak", ""]


def test_weak_tests_are_dropped(crate: list[SourceFile], section: Section) -> None:
    funnel, strict = Funnel(), section(min_strength=0.9)
    judge = FakeJudge(lambda candidate: "wrong" if "todo!()" in candidate.code else _trivial(candidate))
    assert not list(verified(list(drafts(crate, strict, Funnel())), judge, strict, funnel))
    assert {step.stage: step.dropped for step in funnel.steps()}["mutants"] == {"weak": 3}


def _trivial(candidate: Candidate) -> str:
    plain = ("{ Default::default() }", "{ value", "{ text", "{ self", "{ Some(")
    return "wrong" if any(mark in candidate.code for mark in plain) else "passed"


def test_a_fault_of_the_judge_ends_the_run(crate: list[SourceFile], section: Section) -> None:
    with pytest.raises(JudgeFault):
        list(verified(list(drafts(crate, section(), Funnel())), FakeJudge("infrastructure"), section(), Funnel()))


def test_what_a_bank_measures_is_not_mined(crate: list[SourceFile], section: Section, tmp_path: Path) -> None:
    start = crate[0].text.index("pub fn clamp")
    guard = crate[0].text[start : start + 160]
    judge = FakeJudge(lambda candidate: _trivial(candidate) if "todo!()" not in candidate.code else "wrong")
    report = mined(crate, section(min_strength=0.0), judge, tmp_path, guard)
    assert "clamp" not in {problem.entry_point for problem in problems(tmp_path)}
    assert {step.stage: step.dropped for step in report.funnel}["contamination"] == {"humaneval": 1}


def test_a_copy_in_another_crate_is_dropped(crate: list[SourceFile], section: Section, tmp_path: Path) -> None:
    copies = [
        msgspec.structs.replace(file, origin=msgspec.structs.replace(file.origin, name="copied-crate"))
        for file in crate
    ]
    judge = FakeJudge(lambda candidate: _trivial(candidate) if "todo!()" not in candidate.code else "wrong")
    mined([*crate, *copies], section(min_strength=0.0), judge, tmp_path)
    assert {problem.tags["crate"] for problem in problems(tmp_path)} == {"small-crate"}


def test_a_file_that_is_held_out_is_not_mined(crate: list[SourceFile], section: Section, tmp_path: Path) -> None:
    run(Harvest(tuple(crate)), 1, tmp_path / "harvest" / "files", workers=1)
    judge = FakeJudge(lambda candidate: _trivial(candidate) if "todo!()" not in candidate.code else "wrong")
    places, limits = Places(cache=CacheLayout(tmp_path / "cache")), Limits.from_section(load("tiny").judge)
    miner = Miner(
        section(min_strength=0.0, worlds=("alone", "crate")), load("tiny").curate, judge, places, limits, workers=1,
        held_out=lambda origin: origin.path == "src/lib.rs",
    )  # fmt: skip
    report = miner.mine(tmp_path / "harvest", tmp_path / "out", [])
    assert {problem.entry_point for problem in problems(tmp_path)} == {"Limit::doubled"}
    dropped = {step.stage: step.dropped for step in report.funnel}
    assert dropped["near"]["held_out"] == 2
    assert dropped["in_crate.near"]["held_out"] == 3


def test_a_crate_is_in_one_split(crate: list[SourceFile], section: Section, tmp_path: Path) -> None:
    judge = FakeJudge(lambda candidate: _trivial(candidate) if "todo!()" not in candidate.code else "wrong")
    mined(crate, section(min_strength=0.0, test_percent=50.0, dev_percent=50.0), judge, tmp_path)
    assert len({problem.split for problem in problems(tmp_path)}) == 1
