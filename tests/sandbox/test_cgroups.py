"""Control groups: what is written into them, who may not have them, and the real thing where this machine lets us."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rustml.errors import JudgeFault
from rustml.judge import Judge
from rustml.sandbox import cgroups
from rustml.sandbox.cgroups import Cgroups, Group
from rustml.sandbox.exit_codes import GROUP_REFUSED
from rustml.sandbox.processes import Processes
from tests.support.judge_cases import LIMITS, RIGHT, candidate


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a delegated group; real ones are removed with their files, so these are too."""
    parent = tmp_path / "delegated"
    parent.mkdir()
    for name, text in (("controllers", "cpu memory pids"), ("subtree_control", "memory pids"), ("type", "domain")):
        (parent / f"cgroup.{name}").write_text(text)
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)
    return parent


def test_the_own_group_is_found_in_the_version_2_hierarchy(tmp_path: Path) -> None:
    mounts, membership = tmp_path / "mounts", tmp_path / "cgroup"
    mounts.write_text("tmpfs /t tmpfs rw 0 0\ncgroup /sys/v1 cgroup rw 0 0\ncgroup2 /sys/v2 cgroup2 rw 0 0\n")
    membership.write_text("4:memory:/elsewhere\n0::/user.slice/mine\n")
    assert cgroups.own_group(mounts, membership) == Path("/sys/v2/user.slice/mine")
    membership.write_text("4:memory:/elsewhere\n")
    assert cgroups.own_group(mounts, membership) is None
    assert cgroups.own_group(tmp_path / "none", membership) is None


def test_each_command_gets_its_limits_and_leaves_no_group(fake: Path) -> None:
    groups = cgroups.open_groups("judge", fake)
    assert groups is not None
    assert groups.controllers == ("memory", "pids")
    assert (fake / "judge" / "cgroup.subtree_control").read_text() == "+memory +pids"
    seen = Processes(groups).run(
        ["sh", "-c", f"cat {fake}/judge/command-0/memory.max {fake}/judge/command-0/cgroup.procs"],
        seconds=20,
        memory_mb=3,
    )
    assert seen.stdout == b"31457280\n"
    assert [path.name for path in (fake / "judge").iterdir() if path.is_dir()] == []
    groups.remove()
    assert not (fake / "judge").exists()


def test_processes_are_counted_too_and_no_memory_limit_is_none(fake: Path) -> None:
    groups = Cgroups(fake, "judge")
    group = groups.group(0)
    assert (group.path / "pids.max").read_text() == str(cgroups.PROCESSES)
    assert not (group.path / "memory.max").exists()


def test_missing_controllers_are_asked_for_where_the_group_is_delegated(fake: Path) -> None:
    (fake / "cgroup.subtree_control").write_text("")
    cgroups.open_groups("judge", fake)
    assert (fake / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_the_machines_root_group_is_left_as_it_is(fake: Path) -> None:
    (fake / "cgroup.type").unlink()
    (fake / "cgroup.subtree_control").write_text("")
    assert cgroups.open_groups("judge", fake) is None
    assert (fake / "cgroup.subtree_control").read_text() == ""
    assert not (fake / "judge").exists()


def test_no_group_where_none_may_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cgroups.open_groups("judge", tmp_path / "file") is None


def test_a_command_that_cannot_enter_its_group_is_the_judges_fault(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = Cgroups(fake, "judge")
    monkeypatch.setattr(Group, "enter", lambda *_: ["sh", "-c", f"exit {GROUP_REFUSED}"])
    with pytest.raises(JudgeFault, match="control group"):
        Processes(groups).run(["true"], seconds=20)
    monkeypatch.setattr(Cgroups, "group", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(JudgeFault, match="No space left"):
        Processes(groups).run(["true"], seconds=20)


def test_the_verdict_says_that_groups_held(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "own_group", lambda: fake)
    with Judge(LIMITS, workers=1, lints=False) as judge:
        verdict = judge.judge([candidate(RIGHT)])[0]
    assert (verdict.status, verdict.sandbox) == ("passed", "bubblewrap+rlimits+cgroups(memory,pids)")
    assert not [path for path in fake.iterdir() if path.is_dir()]


@pytest.fixture
def real() -> Iterator[Path]:
    """A group of the kernel's, below the one that this process is in."""
    own = cgroups.own_group()
    path = own / f"rustml-test-{os.getpid()}" if own is not None else None
    try:
        if path is None:
            raise OSError
        path.mkdir()
    except OSError:
        pytest.skip("no cgroup v2 that this user may write to")
    yield path
    cgroups.remove_tree(path)
    assert not path.exists()


def test_a_real_group_ends_a_daemon_that_left_its_session(real: Path, tmp_path: Path) -> None:
    group = Group(real / "command")
    group.path.mkdir()
    script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; while :; do :; done' & while [ ! -s {tmp_path}/pid ]; do :; done"
    subprocess.run(group.enter(["sh", "-c", script]), check=True)
    daemon = int((tmp_path / "pid").read_text())
    assert f"{daemon}" in (group.path / "cgroup.procs").read_text().split()
    usage = dict(line.split() for line in (group.path / "cpu.stat").read_text().splitlines())
    assert int(usage["usage_usec"]) > 0
    group.remove()
    assert not group.path.exists()
    with contextlib.suppress(ProcessLookupError):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            os.kill(daemon, 0)
            time.sleep(0.01)
        os.kill(daemon, signal.SIGKILL)
        pytest.fail("the daemon is still there")


def test_real_groups_of_a_dead_judge_are_removed(real: Path) -> None:
    (real / "judge" / "command-0").mkdir(parents=True)
    sleeper = subprocess.Popen(Group(real / "judge" / "command-0").enter(["sleep", "600"]))
    while not (real / "judge" / "command-0" / "cgroup.procs").read_text().strip():
        time.sleep(0.01)
    cgroups.remove_tree(real / "judge")
    assert sleeper.wait(10) == -signal.SIGKILL
    assert not (real / "judge").exists()
