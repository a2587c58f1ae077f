"""How the compiler is called: in the sandbox, in bounded time, with the means that a candidate may not use."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import EnvironmentFault
from rustml.judge.limits import Limits
from rustml.judge.rust import toolchain
from rustml.judge.rust.compiler import FORBIDDEN_METHODS, Compiler, Folders, clippy_configuration
from rustml.judge.rust.crate_layout import Member
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.test_file import TestFile
from rustml.records import Candidate
from rustml.sandbox.process_limits import WALL_PER_CPU
from rustml.sandbox.processes import Completed, Processes
from rustml.sandbox.unconfined import Unconfined

LIMITS = Limits(compile_seconds=20, memory_mb=512, disk_mb=16)


class Recorder(Processes):
    """Keeps the commands and starts none."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[list[str], dict[str, Any]]] = []

    def run(self, argv: Sequence[str], **given: Any) -> Completed:
        self.calls.append((list(argv), given))
        return Completed(0, b"", b"", expired=False, flooded=False, seconds=0.0)


def member(code: str = "fn f() {}", edition: str = "2021") -> Member:
    candidate = Candidate(id="c", code=code, tests="#[test] fn t() {}", entry_point="f", edition=edition)
    source = CandidateSource(code)
    return Member(candidate, source, TestFile(candidate, source))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def compiler(recorder: Recorder) -> Compiler:
    try:
        found = toolchain.find()
    except EnvironmentFault as error:
        pytest.skip(f"no toolchain here: {error}")
    return Compiler(found, Unconfined(), recorder, LIMITS)


def test_the_forbidden_means_are_valid_toml() -> None:
    read = tomllib.loads(clippy_configuration(["std::io::stdout"]))
    assert read["disallowed-methods"] == [*FORBIDDEN_METHODS, "std::io::stdout"]
    assert "core::arch::asm" in read["disallowed-macros"]


def test_candidates_are_compiled_by_clippy_without_unsafe_code(
    compiler: Compiler, recorder: Recorder, tmp_path: Path
) -> None:
    compiler.library(Folders(tmp_path / "s", tmp_path / "o"), "lib", [member(edition="2018")])
    ((argv, given),) = recorder.calls
    assert any(word.endswith("/bin/clippy-driver") for word in argv)
    assert {"-Funsafe_code", "--edition=2018", "--crate-name=lib", f"--out-dir={tmp_path / 'o'}"} <= set(argv)
    assert given["seconds"] == WALL_PER_CPU * LIMITS.compile_seconds
    assert given["memory_mb"] == 2 * LIMITS.memory_mb


def test_an_attribute_about_lints_cannot_stop_a_build(compiler: Compiler, recorder: Recorder, tmp_path: Path) -> None:
    for code in ("fn f() {}", "#[deny(clippy::all)] fn f() {}"):
        compiler.library(Folders(tmp_path, tmp_path), "lib", [member(code)])
    assert [("--force-warn=clippy::all" in argv) for argv, _ in recorder.calls] == [False, True]


def test_a_batch_gets_less_time_than_its_members_alone(compiler: Compiler, recorder: Recorder, tmp_path: Path) -> None:
    for size in (1, 10, 100):
        compiler.check(Folders(tmp_path, tmp_path), [member() for _ in range(size)])
    assert [given["seconds"] / WALL_PER_CPU for _, given in recorder.calls] == [20, 2.5, 7]


def test_the_test_program_is_linked_with_library_and_harness(
    compiler: Compiler, recorder: Recorder, tmp_path: Path
) -> None:
    crates = {tmp_path / "libl.rlib": "/l/libl.rlib", tmp_path / "libharness.rlib": "/l/libharness.rlib"}
    compiler.program(Folders(tmp_path, tmp_path / "o", crates), "l", [member()])
    ((argv, _),) = recorder.calls
    assert any(word.endswith("/bin/rustc") for word in argv)
    assert {f"--extern=l={tmp_path / 'libl.rlib'}", f"--extern=harness={tmp_path / 'libharness.rlib'}"} <= set(argv)
