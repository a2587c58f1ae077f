"""Commits of a repository, made here with git, become changes where compiler and tests agree with their messages."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.edits.collect import collect
from rustml.edits.commits import Commit, Unsuited, change_of, read_commits
from rustml.edits.report import EditsReport
from rustml.git_repository import head
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.origin import commit_url
from rustml.profile import load
from rustml.profile.harvest import RepositorySource
from rustml.records import Edit, Origin, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Summary, run
from rustml.tasks import EDIT_TASKS
from tests.support.in_crate import require_sandbox

TOTAL = "    let mut sum = 0;\n    for number in numbers {\n        sum += number;\n    }\n    sum\n"
LIBRARY = f"""\
pub fn total(numbers: &[u64]) -> u64 {{
{TOTAL}}}

pub fn mean(numbers: &[u64]) -> u64 {{
    total(numbers) / numbers.len() as u64
}}

pub fn untested(number: u64) -> u64 {{
    number + 1
}}

#[cfg(test)]
mod tests {{
    use super::*;

    #[test]
    fn adds() {{
        assert_eq!(total(&[1, 2]), 3);
        assert_eq!(mean(&[1, 3]), 2);
    }}
}}
"""
MANIFEST = '[package]\nname = "team"\nversion = "1.0.0"\nedition = "2021"\n'
NEW_TEST = "        assert_eq!(mean(&[1, 3]), 2);\n        assert_eq!(mean(&[]), 0);\n"
FIXED = (("numbers.len() as", "numbers.len().max(1) as"), ("        assert_eq!(mean(&[1, 3]), 2);\n", NEW_TEST))


class Team:
    """A repository that grows by commits."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.text = folder, LIBRARY
        (folder / "src").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(MANIFEST)
        self.git("init", "-q", "-b", "main")
        self.commit("The first version of the crate")

    def git(self, *words: str, author: str = "A Person") -> None:
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                    for what, value in (("NAME", author), ("EMAIL", "a@b.invalid"))}  # fmt: skip
        command = ["git", "-C", str(self.folder), *words]
        subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"], **identity})

    def commit(self, message: str, *changes: tuple[str, str], author: str = "A Person") -> None:
        for old, new in changes:
            assert old in self.text
            self.text = self.text.replace(old, new)
        (self.folder / "src" / "lib.rs").write_text(self.text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, author=author)

    def newest(self) -> Commit:
        return read_commits(str(self.folder), head(str(self.folder)), 1)[0]


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "team")


def reason(team: Team, most: int = 3) -> str:
    with pytest.raises(Unsuited) as refused:
        change_of(team.newest(), {"src/lib.rs"}, most)
    return str(refused.value)


CONSTANT = "const A: u8 = 1;\n\npub fn mean"
PLUS_TWO = ("number + 1", "number + 2")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (lambda _: None, "first_commit"),
        (lambda team: team.commit("Bump the number by two", PLUS_TWO, author="dependabot[bot]"), "bot"),
        (lambda team: team.commit("Bump it", PLUS_TWO), "short_message"),
        (lambda team: team.commit("Log in with token = 'abcdef0123456789'", PLUS_TWO), "secret"),
        (lambda team: team.commit("Use the key", ("number + 1", 'g("AKIAABCDEFGHIJKLMNOP")')), "short_message"),
        (lambda team: team.commit("Use the key of the store", ("number + 1", 'g("AKIAABCDEFGHIJKLMNOP")')), "secret"),
        (lambda team: team.commit("Write it as we do elsewhere", ("number + 1", "number  +  1")), "no_function"),
        (lambda team: team.commit("Add a constant", ("pub fn mean", CONSTANT)), "outside_functions"),
        (lambda team: team.commit("Give it another name", ("untested", "renamed")), "functions_come_or_go"),
    ],
)  # fmt: skip
def test_a_commit_that_is_no_small_change_of_a_person_is_left_out(
    team: Team, step: Callable[[Team], None], expected: str
) -> None:
    step(team)
    assert reason(team) == expected


def test_a_merge_is_left_out(team: Team) -> None:
    team.git("checkout", "-q", "-b", "side")
    team.commit("Add two in place of one", PLUS_TWO)
    team.git("checkout", "-q", "main")
    team.git("merge", "-q", "--no-ff", "-m", "Merge the side branch", "side")
    assert reason(team) == "merge"


def test_functions_before_and_after_are_told_apart_from_tests(team: Team) -> None:
    team.commit("Fix the mean of nothing\n\nIt was a panic.\n\nSigned-off-by: A <a@b.invalid>",
                *FIXED)  # fmt: skip
    commit = team.newest()
    change = change_of(commit, {"src/lib.rs"}, 3)
    assert [after.name for _, after in change.pairs] == ["mean"]
    assert b"numbers.len() as u64" in change.mixed
    assert b"mean(&[]), 0" in change.mixed
    assert (commit.category, commit.message) == ("bug_fix", "Fix the mean of nothing\n\nIt was a panic.")


def test_more_functions_than_asked_for_are_left_out(team: Team) -> None:
    team.commit("Change the number and the mean", PLUS_TWO, ("numbers.len() as", "numbers.len().max(1) as"))
    assert reason(team, most=1) == "many_functions"


@pytest.mark.parametrize(
    ("subject", "category"),
    [
        ("perf: avoid an allocation in parse", "optimization"),
        ("Make lookup faster and fix a typo", "optimization"),
        ("fix(parser): accept an empty list", "bug_fix"),
        ("Simplify the loop of the parser", "refactoring"),
        ("Support weights in the total (#12)", ""),
    ],
)
def test_the_first_line_names_the_category(subject: str, category: str) -> None:
    commit = Commit("team", "0", ("1",), "A", f"{subject}\n\nfix")
    assert commit.category == category
    assert "#12" not in commit.subject


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Team, list[Edit], EditsReport]:
    require_sandbox()
    root = tmp_path_factory.mktemp("history")
    team = Team(root / "team")
    team.commit("Simplify the total with a sum", (TOTAL, "    numbers.iter().sum()\n"))
    team.commit("Fix the mean of an empty slice\n\nIt ended the process with a division by zero.",
                *FIXED)  # fmt: skip
    team.commit("Simplify what nobody tests", ("number + 1", "1 + number"))
    team.commit("Speed up the sum and round up", ("total(numbers) / ", "total(numbers).div_ceil(2) * 2 / "),
                ("mean(&[1, 3]), 2", "mean(&[1, 2]), 2"))  # fmt: skip
    origin = Origin(kind="git", name="team", licence="MIT", path="src/lib.rs")

    def job(index: int, folder: Path) -> Summary:  # noqa: ARG001
        return Summary(
            records=write_jsonl(folder / "files.jsonl", [SourceFile(origin=origin, text=team.text)]), funnel=()
        )

    run(job, 1, root / "curate" / "files", workers=1)
    source = RepositorySource(path=str(team.folder), licence="MIT", ignore=(), half_life_days=30.0)
    section = msgspec.structs.replace(load("tiny").edits, commits=10)
    places = Places(cache=CacheLayout(root / "cache"))
    report = collect(section, Limits(), root / "curate", root / "out", places, repositories=[source], workers=1)
    return team, list(read_jsonl(root / "out" / "edits.jsonl", Edit)), report


@pytest.mark.slow
def test_changes_are_what_compiler_and_tests_bear_out(made: tuple[Team, list[Edit], EditsReport]) -> None:
    _, edits, report = made
    found = {(edit.task, edit.notes[0].partition("\n")[0], edit.codes[0]) for edit in edits}
    simple, fix = "Simplify the total with a sum", "Fix the mean of an empty slice"
    assert found == {
        ("summarization", simple, "tests_pass_before"),
        ("refactoring", simple, "tests_pass_before"),
        ("summarization", fix, "tests_fail_before"),
        ("bug_fix", fix, "tests_fail_before"),
        ("code_review", fix, "tests_fail_before"),
    }
    (step,) = [step for step in report.funnel if step.stage == "commit"]
    assert (step.kept, step.dropped) == (2, {"behaviour_changes": 1, "first_commit": 1, "not_tested": 1})


@pytest.mark.slow
def test_a_change_names_commit_licence_and_file(made: tuple[Team, list[Edit], EditsReport]) -> None:
    team, edits, _ = made
    edit = next(edit for edit in edits if edit.task == "refactoring")
    assert (edit.origin.kind, edit.origin.licence, edit.origin.path) == ("git", "MIT", "src/lib.rs")
    assert edit.origin.url == commit_url(team.folder, edit.origin.version)
    assert "for number in numbers" in edit.before
    assert edit.after == "pub fn total(numbers: &[u64]) -> u64 {\n    numbers.iter().sum()\n}"


def test_a_review_asks_without_the_message_that_answers_it() -> None:
    edit = EDIT_TASKS["code_review"].example
    draft = EDIT_TASKS["code_review"].draft(edit)
    assert draft.answer == edit.notes[0]
    assert "division" not in draft.instruction
    summary = EDIT_TASKS["summarization"].draft(edit)
    assert "-    numbers.iter().sum::<u64>() / numbers.len() as u64" in summary.instruction
    assert "\n" not in summary.answer
