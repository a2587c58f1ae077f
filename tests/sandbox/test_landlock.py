"""Landlock: a command opens its mounts, and nothing that it does reaches further or lasts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rustml.errors import SandboxUnavailable
from rustml.sandbox.command import Command
from rustml.sandbox.landlock import Landlock
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import ProcessLimits
from tests.support.processes import until

LIMITS = ProcessLimits(cpu_seconds=5, memory_mb=256, file_mb=1)
SYSTEM = {path: str(path) for path in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if path.exists()}
PYTHON = {Path(sys.base_prefix): sys.base_prefix}


@pytest.fixture(scope="module")
def sandbox() -> Landlock:
    try:
        return Landlock()
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))


def run(sandbox: Landlock, words: list[str], mounts: Mounts) -> "subprocess.CompletedProcess[str]":
    argv = sandbox.wrap(Command(words, mounts, LIMITS, {"WORD": "yes", "PATH": "/usr/bin:/bin"}))
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def shell(sandbox: Landlock, script: str, mounts: Mounts) -> str:
    return run(sandbox, ["/bin/sh", "-c", script], mounts).stdout


def python(sandbox: Landlock, code: str, mounts: Mounts | None = None) -> str:
    program = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return run(sandbox, [program, "-I", "-c", code], mounts or Mounts(read=SYSTEM | PYTHON)).stdout


def test_a_command_opens_its_mounts_alone(sandbox: Landlock, tmp_path: Path) -> None:
    for folder in ("in", "out", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "word").write_text(folder)
    mounts = Mounts(read={**SYSTEM, tmp_path / "in": "/i"}, write={tmp_path / "out": "/o"}, work="/i")
    script = (
        f"cat word; cat {tmp_path}/other/word; ls /proc /home /root; echo x > word; rm word; ln -s / s; "
        f"cd {tmp_path}/out; echo -n made > new; echo -n $WORD"
    )
    assert shell(sandbox, script, mounts) == "inyes"
    assert (tmp_path / "out" / "new").read_text() == "made"
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["new", "word", "word", "word"]


@pytest.mark.parametrize("change", [
    "os.chmod(path, 0o600)", "os.chown(path, 1, 1)", "os.utime(path, (1, 1))", "os.setxattr(path, 'user.a', b'b')",
    "os.chmod(os.open(path, os.O_RDONLY), 0o600)", "os.rename(path, path + '2')", "os.unlink(path)",
    "os.truncate(path, 0)", "os.link(path, path + '2')", "open(path, 'a')",
])  # fmt: skip
def test_a_file_that_can_be_read_cannot_be_changed(sandbox: Landlock, tmp_path: Path, change: str) -> None:
    file = tmp_path / "word"
    file.write_text("word")
    before = file.stat()
    code = f"import os\npath = {str(file)!r}\ntry:\n    {change}\nexcept OSError:\n    print(open(path).read())"
    assert python(sandbox, code, Mounts(read={**SYSTEM, **PYTHON, tmp_path: "/f"})) == "word\n"
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert list(tmp_path.iterdir()) == [file]


def test_the_machines_device_keeps_its_mode_and_times(sandbox: Landlock) -> None:
    before = Path("/dev/null").stat()
    script = "chmod 600 /dev/null; touch -d 2001-01-01 /dev/null; echo -n x > /dev/null && echo -n ok"
    assert shell(sandbox, script, Mounts(read=SYSTEM)) == "ok"
    after = Path("/dev/null").stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


@pytest.mark.parametrize("reach", [
    "socket.socket()", "socket.socket(socket.AF_UNIX)", "os.setsid()", "os.setpgid(0, 0)", "os.memfd_create('m')",
    "os.kill(os.getppid(), 0)", "os.kill(JUDGE, 9)", "libc.ptrace(16, JUDGE, 0, 0) and fail()",
    "libc.unshare(0x10000000) and fail()", "libc.shmget(7, 4096, 0o1666) < 0 and fail()",
    "resource.prlimit(JUDGE, resource.RLIMIT_NOFILE, (9, 9))", "os.sched_setaffinity(JUDGE, {0})",
    "libc.inotify_add_watch(libc.inotify_init(), b'/tmp', 0x100) < 0 and fail()",
    "fcntl.ioctl(os.open('/usr', os.O_RDONLY), 0x40086602, b'\\0' * 8)",
    "open(f'/proc/{JUDGE}/environ').read()", "open('/etc/passwd').read()", "os.listdir('/tmp')",
])  # fmt: skip
def test_what_reaches_further_fails(sandbox: Landlock, reach: str) -> None:
    code = (
        f"import ctypes, fcntl, os, resource, socket\nJUDGE, libc = {os.getpid()}, ctypes.CDLL(None)\n"
        f"def fail(): raise OSError\ntry:\n    {reach}\nexcept OSError:\n    print('refused')"
    )
    assert python(sandbox, code) == "refused\n"


def test_its_own_children_can_be_ended(sandbox: Landlock) -> None:
    code = (
        "import os, time\npid = os.fork()\nif pid == 0: time.sleep(60)\nos.kill(pid, 9)\nprint(os.waitpid(pid, 0)[1])"
    )
    assert python(sandbox, code) == "9\n"


def test_limits_hold_in_the_command(sandbox: Landlock) -> None:
    assert shell(sandbox, "ulimit -Hn; ulimit -Hc", Mounts(read=SYSTEM)).split() == ["256", "0"]


def test_the_environment_is_the_one_given(sandbox: Landlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSTML_SECRET", "seen")
    assert shell(sandbox, 'echo -n "$WORD$RUSTML_SECRET"', Mounts(read=SYSTEM)) == "yes"


def test_a_path_that_is_not_there_starts_nothing(sandbox: Landlock, tmp_path: Path) -> None:
    done = run(sandbox, ["/bin/sh", "-c", "echo started"], Mounts(read={**SYSTEM, tmp_path / "gone": "/g"}))
    assert (done.returncode, done.stdout) == (95, "")
    assert "landlock: " in done.stderr


KILLED = """
import subprocess, sys, time
from tests.sandbox.test_landlock import Landlock, spawning
subprocess.Popen(Landlock().wrap(spawning(sys.argv[1])), start_new_session=True)
time.sleep(60)
"""


def spawning(out: str) -> Command:
    script = f"(while sleep 0.05; do echo x > {out}/alive; done) & sleep 60"
    mounts = Mounts(read=SYSTEM, write={Path(out): "/o"})
    return Command(["/bin/sh", "-c", script], mounts, LIMITS, {"PATH": "/usr/bin:/bin"}, spawns=True)


@pytest.mark.usefixtures("sandbox")
def test_what_a_command_starts_ends_with_the_judge(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parents[2]) as judge:
        until(alive.exists)
        judge.kill()

    def silent() -> bool:
        alive.unlink(missing_ok=True)
        time.sleep(0.2)
        return not alive.exists()

    until(silent, 20)


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_that_spawns_ends_as_it_would_alone(sandbox: Landlock, code: int) -> None:
    command = Command(["/bin/sh", "-c", f"exit {code}"], Mounts(read=SYSTEM), LIMITS, spawns=True)
    assert subprocess.run(sandbox.wrap(command), check=False).returncode == code
    killed = Command(["/bin/sh", "-c", "kill -SEGV $$"], Mounts(read=SYSTEM), LIMITS, spawns=True)
    assert subprocess.run(sandbox.wrap(killed), check=False).returncode == -signal.SIGSEGV


def test_changes_to_metadata_can_seem_to_succeed(sandbox: Landlock, tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text("word")
    file.chmod(0o640)
    mounts = Mounts(read=SYSTEM, write={tmp_path: "/o"})
    command = Command(["/bin/chmod", "777", str(file)], mounts, LIMITS, metadata_ignored=True)
    assert subprocess.run(sandbox.wrap(command), check=False).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o640


def test_root_has_no_capability_and_gets_none_back(sandbox: Landlock) -> None:
    code = (
        "import ctypes\nlibc, sets = ctypes.CDLL(None), (ctypes.c_uint32 * 6)()\n"
        "assert libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), sets) == 0\n"
        "print(sum(sets), sum(libc.prctl(23, one) == 1 for one in range(41)))"  # PR_CAPBSET_READ
    )
    held, bounding = python(sandbox, code).split()
    assert held == "0"
    assert bounding == "0" or os.geteuid() != 0
