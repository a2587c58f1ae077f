"""A killed judge leaves nothing for good, an interrupted one nothing at all, and a living one keeps what is its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from rustml.records import Candidate
from rustml.sandbox import workdir
from rustml.sandbox.workdir import PREFIX, WorkingFolder
from tests.support.bombs import BOMBS
from tests.support.judge_cases import LIMITS, candidate
from tests.support.processes import until

SCRIPT = """
import json, sys
from rustml.judge import Judge, Limits
from rustml.records import Candidate
with Judge(Limits(**json.loads(sys.argv[1])), workers=2, lints=False, sandbox=sys.argv[3]) as judge:
    print("ready", flush=True)
    judge.judge([Candidate(**one) for one in json.loads(sys.argv[2])])
"""
ROOMY = {"compile_seconds": 20, "run_seconds": 600, "cpu_seconds": 600, "memory_mb": 512, "disk_mb": 16}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def endless_rust() -> list[Candidate]:
    return [candidate(BOMBS["endless loop"][0] + f"// {n}\n", str(n)) for n in range(2)]


def endless_python() -> list[Candidate]:
    code, tests = "def double(x):\n    while True:\n        x += 1\n", "assert double(1) == 2"
    return [Candidate(id="0", code=code, tests=tests, entry_point="double", language="python")]


@contextmanager
def endless_judge(endless: Sequence[Candidate], sandbox: str = "bubblewrap") -> Iterator["subprocess.Popen[str]"]:
    """A judge in a process of its own, whose candidates never end; where the test fails, it ends with all below it."""
    records = json.dumps([msgspec.to_builtins(one) for one in endless])
    argv = [sys.executable, "-c", SCRIPT, json.dumps(ROOMY), records, sandbox]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as judge:
        try:
            assert judge.stdout is not None
            assert judge.stdout.readline() == "ready\n"
            yield judge
        finally:
            for pid in (*below(judge.pid), judge.pid) if judge.poll() is None else ():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def below(pid: int) -> dict[int, str]:
    """Every living process below `pid`, with its command line."""
    parents, commands = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended between the two
                continue
            parents[int(folder.name)], commands[int(folder.name)] = int(fields[1]), command
    descendants: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh}
        descendants |= fresh
    return {child: commands[child] for child in descendants}


def running_candidates(judge: "subprocess.Popen[str]") -> set[int]:
    return {pid for pid, command in below(judge.pid).items() if command.strip() == "/t"}


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and _running(pid)}


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def end(judge: "subprocess.Popen[str]", number: signal.Signals) -> set[int]:
    """Send a signal once candidates run, await the end, and return the processes that were there."""
    until(lambda: running_candidates(judge))
    before = set(below(judge.pid))
    judge.send_signal(number)
    judge.wait(60)
    return before


def test_ctrl_c_leaves_no_process_no_mount_and_no_file(temporary: Path) -> None:
    with endless_judge(endless_rust()) as judge:
        before = end(judge, signal.SIGINT)
    assert judge.returncode != 0
    until(lambda: not alive(before), 20)
    assert list(temporary.iterdir()) == []
    assert str(temporary) not in Path("/proc/self/mounts").read_text()


def test_a_killed_judge_leaves_no_process_and_the_next_one_sweeps_its_folders(temporary: Path) -> None:
    with endless_judge(endless_rust()) as judge:
        before = end(judge, signal.SIGKILL)
    until(lambda: not alive(before), 20)
    left = sorted(folder.name for folder in temporary.iterdir())
    assert left
    assert all(name.startswith(PREFIX) for name in left)
    assert workdir.sweep() == left
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
@pytest.mark.parametrize(("endless", "program"), [(endless_rust, "/program/main"), (endless_python, "/host.py")])
def test_tests_end_with_their_judge_where_no_sandbox_ties_them_to_it(
    endless: Callable[[], list[Candidate]], program: str
) -> None:
    with endless_judge(endless(), sandbox="none") as judge:
        until(lambda: any(program in command and _computes(pid) for pid, command in below(judge.pid).items()))
        before = set(below(judge.pid))
        judge.kill()
        judge.wait(60)
        until(lambda: not alive(before), 20)


def _computes(pid: int) -> bool:
    """Whether it has used more than a tenth of a second of processor time; a process that ended has not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return sum(map(int, fields[11:13])) > 10


def test_a_living_judges_folder_is_never_swept(temporary: Path) -> None:
    first = WorkingFolder()
    (first.path / "kept").write_text("")
    os.utime(first.path, (0, 0))
    assert workdir.sweep() == []
    assert (first.path / "kept").exists()
    first.remove()
    first.remove()
    assert list(temporary.iterdir()) == []


def test_only_an_old_folder_without_a_lock_is_swept(temporary: Path) -> None:
    young, old = temporary / f"{PREFIX}young", temporary / f"{PREFIX}old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    assert workdir.sweep() == [old.name]
    assert young.exists()


def test_neither_links_nor_folders_of_other_names_are_swept(temporary: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    (target / "lock").write_text("")
    (temporary / f"{PREFIX}link").symlink_to(target)
    other = temporary / "another"
    other.mkdir()
    os.utime(other, (0, 0))
    assert workdir.sweep() == []
    assert target.exists()
    assert other.exists()


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = workdir.fcntl.flock, []

    def late(handle: int, how: int) -> None:
        if not calls:
            calls.append(handle)
            (folder,) = temporary.iterdir()
            (folder / "lock").unlink()
            folder.rmdir()
        real(handle, how)

    monkeypatch.setattr(workdir.fcntl, "flock", late)
    place = WorkingFolder()
    assert place.path.is_dir()
    assert list(temporary.iterdir()) == [place.path]
    place.remove()


def test_limits_of_the_script_are_limits() -> None:
    assert set(ROOMY) <= set(LIMITS.__dataclass_fields__)
