"""Sandboxes by name, and how a command is wrapped in one."""

import subprocess
import sys
from pathlib import Path

import pytest

from rustml.errors import InputError, SandboxUnavailable
from rustml.sandbox import seccomp
from rustml.sandbox.bubblewrap import Bubblewrap
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import ProcessLimits
from rustml.sandbox.sandbox import SANDBOXES, Sandbox, open_sandbox
from rustml.sandbox.unconfined import Unconfined
from rustml.sandbox.workdir import sweep

LIMITS = ProcessLimits(cpu_seconds=5, memory_mb=256, file_mb=1)
SYSTEM = {path: str(path) for path in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if path.exists()}


def run(sandbox: Sandbox, script: str, mounts: Mounts) -> str:
    command = Command(["/bin/sh", "-c", script], mounts, LIMITS, {"WORD": "yes", "PATH": "/usr/bin:/bin"})
    return subprocess.run(sandbox.wrap(command), capture_output=True, text=True, check=False, timeout=30).stdout


def test_an_unknown_sandbox_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="bubblewrap, landlock, auto, none"):
        open_sandbox("cage")


def test_only_none_lets_a_command_see_the_machine() -> None:
    assert {name for name in SANDBOXES if not open_sandbox(name).isolated} == {"none"}


def test_the_name_says_which_control_groups_hold() -> None:
    assert open_sandbox("bubblewrap", ["memory", "pids"]).name == "bubblewrap+rlimits+cgroups(memory,pids)"
    assert open_sandbox("none", ["memory"]).name == "none"


def test_auto_takes_landlock_where_bubblewrap_is_missing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_sandbox("auto").name.startswith("bubblewrap")
    monkeypatch.setattr("shutil.which", lambda name: None if name == "bwrap" else f"/usr/bin/{name}")
    assert open_sandbox("auto", ["pids"]).name == "landlock+seccomp+rlimits+cgroups(pids)"


def test_auto_never_goes_without_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name == "bwrap" else f"/usr/bin/{name}")
    monkeypatch.setattr("rustml.sandbox.landlock.OLDEST", 1000)
    with pytest.raises(SandboxUnavailable, match=r"bubblewrap is missing.*Landlock is too old"):
        open_sandbox("auto")


def test_a_user_namespace_that_is_refused_leads_auto_to_landlock(tmp_path: Path) -> None:
    """As in a container: the call fails for the whole process, which has to find its sandbox all the same."""
    filter_file = tmp_path / "filter"
    filter_file.write_bytes(seccomp.program({"unshare", "mount"}, kill=False, guards=()))
    program = (
        "import ctypes, struct, sys\n"
        "code = open(sys.argv[1], 'rb').read()\n"
        "libc, buffer = ctypes.CDLL(None), ctypes.create_string_buffer(code, len(code))\n"
        "libc.prctl(38, 1, 0, 0, 0)\n"
        "filter = struct.pack('@HP', len(code) // 8, ctypes.addressof(buffer))\n"
        "libc.prctl(22, 2, filter, 0, 0)\n"
        "from rustml.sandbox.sandbox import open_sandbox\n"
        "print(open_sandbox('auto').name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(filter_file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "landlock+seccomp+rlimits\n", done.stderr


def test_a_command_sees_its_mounts_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "word").write_text("seen")
    sandbox = Bubblewrap()
    mounts = Mounts(read={**SYSTEM, tmp_path / "in": "/i"}, write={tmp_path / "out": "/o"}, work="/i")
    script = "cat word; touch /i/x 2>/dev/null || echo -n ' kept'; echo -n made > /o/y; ls /proc /home 2>/dev/null"
    assert run(sandbox, script, mounts) == "seen kept"
    assert (tmp_path / "out" / "y").read_text() == "made"
    assert sandbox.path(tmp_path / "in" / "word", "/i/word") == "/i/word"


@pytest.mark.parametrize(("size", "written"), [(0, ""), (1, "wrote")])
def test_tmp_is_writable_where_it_has_a_size(size: int, written: str) -> None:
    script = "touch /tmp/x 2>/dev/null && echo -n wrote"
    assert run(Bubblewrap(), script, Mounts(read=SYSTEM, tmp_mb=size)) == written


@pytest.mark.parametrize("name", SANDBOXES)
def test_the_environment_is_the_one_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSTML_SECRET", "seen")
    assert run(open_sandbox(name), 'echo -n "$WORD$RUSTML_SECRET"', Mounts(read=SYSTEM)) == "yes"


def test_unconfined_files_keep_their_own_path(tmp_path: Path) -> None:
    assert Unconfined().path(tmp_path / "f", "/i/f") == str(tmp_path / "f")


def test_limits_hold_in_the_command() -> None:
    hard = "ulimit -Hn; ulimit -Hc"
    assert run(Bubblewrap(), hard, Mounts(read=SYSTEM)).split() == ["256", "0"]


@pytest.mark.parametrize("devices", [False, True])
def test_a_device_node_of_the_machine_cannot_be_changed_from_inside(devices: bool) -> None:
    before = Path("/dev/null").stat()
    script = "chmod 600 /dev/null; touch -d 2001-01-01 /dev/null; echo -n x > /dev/null && echo -n ok"
    assert run(Bubblewrap(), script, Mounts(read=SYSTEM, devices=devices, may_mount=True)) == "ok"
    after = Path("/dev/null").stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)


def test_own_device_nodes_outlive_a_sweep_by_another_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("rustml.sandbox.workdir._UNBORN_SECONDS", -1)
    sandbox = Bubblewrap()
    assert sweep() == []
    assert run(sandbox, "echo -n x > /dev/null && echo -n ok", Mounts(read=SYSTEM)) == "ok"
    sandbox.close()


def test_own_device_nodes_go_with_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox = Bubblewrap()
    sandbox.close()
    assert list(tmp_path.iterdir()) == []
