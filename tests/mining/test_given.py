"""Problems from an exercise track and from a user's own file go through the gate of those of crates."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.banks.sources import to_mine
from rustml.banks.sources.to_mine import bank_to_mine
from rustml.cache_layout import CacheLayout
from rustml.errors import InputError
from rustml.hub_datasets import HubDataset, LocatedRow
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.mining.given import GivenProblems
from rustml.mining.mine import Miner
from rustml.mining.report import MineReport
from rustml.profile import load
from rustml.profile.mine import MineSection, ProblemSource
from rustml.records import Candidate, Dependency, Problem, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, run
from rustml.similarity.overlap import Protected
from rustml.testing import FakeJudge
from tests.support.exercises import exercise

OWN = Problem(
    id="house/thrice",
    bank="house",
    split="train",
    language="rust",
    instruction="Write `thrice`, which gives three times the number that the caller hands in, without an overflow.",
    entry_point="thrice",
    reference="pub fn thrice(x: u32) -> u64 {\n    3 * u64::from(x)\n}\n",
    tests="#[test]\nfn triples() {\n    assert_eq!(thrice(4), 12);\n}\n",
    licence="MIT",
)


def track(folder: Path, *names: str) -> ProblemSource:
    for name in names:
        exercise(folder, name)
    return ProblemSource(kind="exercism", path=str(folder), licence="MIT")


def own_file(folder: Path, *problems: Problem) -> ProblemSource:
    write_jsonl(folder / "house.jsonl", problems)
    return ProblemSource(kind="problems", path=str(folder / "house.jsonl"), licence="")


def given(**sources: ProblemSource) -> GivenProblems:
    banks = [bank_to_mine(name, source) for name, source in sources.items()]
    return GivenProblems(
        problems=[problem for bank in banks for problem in bank.problems],
        excluded={name: reason for bank in banks for name, reason in bank.excluded.items()},
        licences=("MIT", "Apache-2.0"),
    )


def test_an_exercise_becomes_a_problem_to_train_on_with_its_origin(tmp_path: Path) -> None:
    (problem,) = bank_to_mine("track", track(tmp_path, "two-step")).problems
    assert (problem.id, problem.bank, problem.split, problem.trainable) == (
        "mined/track/two-step",
        "mined",
        "train",
        True,
    )
    assert problem.origin is not None
    assert (problem.origin.licence, problem.origin.label) == ("MIT", "track/two-step/.meta/example.rs")


def test_the_exercises_that_are_measured_on_stay_out(tmp_path: Path) -> None:
    bank = bank_to_mine("track", track(tmp_path, "two-step", "accumulate"))
    assert [problem.id for problem in bank.problems] == ["mined/track/two-step"]
    assert "measured on" in bank.excluded["track/accumulate"]


def test_what_may_not_be_trained_on_or_cannot_be_judged_is_counted(tmp_path: Path) -> None:
    change = msgspec.structs.replace
    others = [
        change(OWN, id="a", licence="GPL-3.0-only"),
        change(OWN, id="b", split="test"),
        change(OWN, id="c", trainable=False),
        change(OWN, id="d", tests=""),
        change(OWN, id="e", dependencies=(Dependency(name="rand", version="0.8"),)),
    ]
    funnel = Funnel()
    (kept,) = given(house=own_file(tmp_path, OWN, *others)).fit(funnel)
    assert kept.problem.id == "mined/house/thrice"
    (step,) = funnel.steps()
    assert step.dropped == {
        "licence_not_allowed": 1,
        "not_to_train_on": 2,
        "not_rust_with_reference_and_tests": 1,
        "crates_cannot_be_had": 1,
    }


def test_a_data_set_of_the_hub_is_read_without_its_empty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {**msgspec.to_builtins(OWN), "origin": None, "covering": None}
    asked: list[object] = []

    def rows(dataset: HubDataset, split: str, *, streaming: bool) -> list[LocatedRow]:
        asked.append((dataset.repository, dataset.revision, split, streaming))
        return [LocatedRow("o/n train, row 1", row)]

    monkeypatch.setattr(to_mine, "hub_rows", rows)
    (problem,) = bank_to_mine("house", ProblemSource(kind="problems", path="hub:o/n@v1", licence="MIT")).problems
    assert asked == [("o/n", "v1", "train", False)]
    assert (problem.id, problem.origin and problem.origin.label) == ("mined/house/thrice", "house/n@v1")


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "house.jsonl").write_text('{"id": "one"}\n')
    with pytest.raises(InputError, match=r"house\.jsonl"):
        bank_to_mine("house", ProblemSource(kind="problems", path=str(tmp_path / "house.jsonl"), licence="MIT"))


class Harvest(msgspec.Struct, frozen=True):
    """A job that writes one shard without files."""

    def __call__(self, _index: int, folder: Path) -> Summary:
        return Summary(records=write_jsonl(folder / "files.jsonl", list[SourceFile]()), funnel=())


def reference_alone(candidate: Candidate) -> str:
    return "passed" if "2 * x" in candidate.code or "3 * u64::from(x)" in candidate.code else "wrong"


def mined(folder: Path, section: MineSection, source: GivenProblems, *protected: Protected) -> MineReport:
    run(Harvest(), 1, folder / "harvest" / "files", workers=1)
    places = Places(cache=CacheLayout(folder / "cache"))
    miner = Miner(section, load("tiny").curate, FakeJudge(reference_alone), places, Limits(), workers=1, given=source)
    return miner.mine(folder / "harvest", folder / "out", protected)


def test_they_are_mined_with_strength_and_counted_apart(section: Callable[..., MineSection], tmp_path: Path) -> None:
    source = given(track=track(tmp_path / "track", "two-step"), house=own_file(tmp_path, OWN))
    report = mined(tmp_path, section(test_percent=0.0, dev_percent=0.0), source)
    problems = list(read_jsonl(tmp_path / "out" / "mined.jsonl", Problem))
    assert [problem.id for problem in problems] == ["mined/track/two-step", "mined/house/thrice"]
    assert all(problem.tags["strength"] == "1.00" for problem in problems)
    steps = {step.stage: step.kept for step in report.funnel}
    assert (steps["given.source"], steps["given.mutants"], steps["mutants"]) == (2, 2, 0)


def test_one_that_is_measured_on_elsewhere_or_comes_twice_is_dropped(
    section: Callable[..., MineSection], tmp_path: Path
) -> None:
    again = msgspec.structs.replace(OWN, id="house/again")
    source = given(track=track(tmp_path / "track", "two-step"), house=own_file(tmp_path, OWN, again))
    told = source.problems[0].instruction
    report = mined(tmp_path, section(), source, Protected(bank="humaneval", text=told))
    dropped = {step.stage: step.dropped for step in report.funnel}
    assert dropped["given.contamination"] == {"humaneval": 1}
    assert dropped["given.near"] == {"near_duplicate": 1}
