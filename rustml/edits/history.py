"""Changes from the history of a team's own repositories: both sides compile in place, and the crate's tests decide."""

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rustml.edits.commits import Change, Commit, Unsuited, change_of
from rustml.edits.targets import ID_DIGITS
from rustml.git_repository import git
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.prepared_crate import PreparedCrate, prepare
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.origin import MANIFEST, commit_url
from rustml.records import Edit, Origin
from rustml.rust.functions import Function, outdent

SUMMARY, REVIEW, FIX = "summarization", "code_review", "bug_fix"
FAILS, PASSES = "tests_fail_before", "tests_pass_before"
MIN_REVIEW = 40
"""Characters of a message that says what was wrong."""
TEST_SECONDS = 60.0
"""Processor time of all unit tests of a crate together."""


@dataclass(frozen=True)
class Surroundings:
    """What the crates of a history are built with."""

    sandbox: CrateSandbox
    vendor: Path
    """Cargo directory source."""
    built: Path
    """Cache of crates built before."""


def history_edits(commit: Commit, licence: str, paths: frozenset[str], most: int, around: Surroundings) -> list[Edit]:
    """The changes of one commit, of the curated files `paths`. Raises Unsuited, and JudgeFault as the sandbox does."""
    change = change_of(commit, paths, most)
    with tempfile.TemporaryDirectory(prefix="rustml-commit-") as parent:
        root = Path(parent) / f"{Path(commit.repository).name}-{commit.sha[:12]}"
        _export(commit, root)
        folder = _crate_of(root, change.path)
        crate = prepare(folder, around.vendor, around.built, around.sandbox)
        path = (root / change.path).relative_to(folder).as_posix()
        tested = _CommitTrial(around.sandbox, crate, path).outcome(change, commit.category)
    return list(_edits(commit, change, licence, tested))


def _export(commit: Commit, root: Path) -> None:
    archive = git(commit.repository, "archive", "--format=tar", commit.sha)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(root, filter="data")


def _crate_of(root: Path, path: str) -> Path:
    """The folder of the crate that a file belongs to."""
    for folder in (root / path).parents:
        if (folder / MANIFEST).is_file():
            return folder
        if folder == root:
            break
    raise Unsuited("no_manifest")


class _CommitTrial:
    """Compiles and tests both sides of a change in the crate as the commit left it."""

    def __init__(self, sandbox: CrateSandbox, crate: PreparedCrate, path: str) -> None:
        """Raises Unsuited for a crate that has no tests here."""
        self._compiler, self._runner = Recompiler(sandbox, crate), CrateTestRunner(sandbox, crate)
        self._path = path
        if crate.built.fault:
            raise Unsuited("crate_does_not_build")
        calls = crate.built.invocations
        self._call = next((call for call in calls if call.is_library), calls[0])
        tests = [call for call in calls if call.test and call.crate == self._call.crate]
        if not tests:
            raise Unsuited("no_tests")
        self._test_call: Invocation = tests[0]

    def outcome(self, change: Change, category: str) -> str:
        """Whether the tests, which pass after, pass before; `FAILS` or `PASSES`.

        Raises Unsuited unless the tests pass after and notice every function, both sides compile, and the tests pass
        before a commit that says it changes no behaviour.
        """
        after = self._tests({})
        if after is None or not after.passed or after.status(sorted(after.passed)) != "passed":
            raise Unsuited("tests_fail_after")
        expected = sorted(after.passed)
        for panicking in _panicking(change):
            run = self._tests({self._path: panicking})
            if run is None or not run.failed:
                raise Unsuited("not_tested")
        files = {self._path: change.mixed}
        with self._compiler.folder() as out:
            if not self._compiler.compile(self._call, files, "check", out).ok:
                raise Unsuited("before_does_not_compile")
        before = self._tests(files)
        passes = before is not None and before.status(expected) == "passed"
        if category not in ("", FIX) and not passes:
            raise Unsuited("behaviour_changes")
        return PASSES if passes else FAILS

    def _tests(self, files: Mapping[str, bytes]) -> CrateTestRun | None:
        """All unit tests with these files; None where they do not compile."""
        with self._compiler.folder() as out:
            if not self._compiler.compile(self._test_call, files, "test", out).ok:
                return None
            return self._runner.run(out / "tests", cpu=TEST_SECONDS, seconds=2 * TEST_SECONDS)


def _panicking(change: Change) -> Iterator[bytes]:
    """For each function, the file in which it panics at once."""
    source = change.after.encode()
    for _, function in change.pairs:
        at = function.body_start + 1
        yield source[:at] + b' if true { panic!("not reached") }' + source[at:]


def _edits(commit: Commit, change: Change, licence: str, tested: str) -> Iterator[Edit]:
    tasks = [SUMMARY, *([commit.category] if commit.category else [])]
    if commit.category == FIX and tested == FAILS and len(commit.message) >= MIN_REVIEW:
        tasks.append(REVIEW)
    before, after = ("\n\n".join(_code(function) for function in side) for side in zip(*change.pairs, strict=True))
    first = change.pairs[0][1]
    origin = Origin(
        kind="git",
        name=Path(commit.repository).name,
        licence=licence,
        version=commit.sha,
        path=change.path,
        url=commit_url(Path(commit.repository), commit.sha),
        sha256=hashlib.sha256(change.after.encode()).hexdigest(),
    )
    edit = Edit(
        id="",
        task="",
        origin=origin,
        span=(first.fn_start, first.end),
        before=before,
        after=after,
        context=first.context if len(change.pairs) == 1 else "",
        codes=(tested,),
    )
    for task in tasks:
        note = commit.message if task == REVIEW else commit.subject
        identity = hashlib.sha256("\0".join((task, commit.sha, before, after)).encode()).hexdigest()[:ID_DIGITS]
        yield msgspec.structs.replace(edit, id=identity, task=task, notes=(note,))


def _code(function: Function) -> str:
    return outdent(function.signature + function.body, function)
