"""A full disk is the judge's misfortune: `infrastructure`, tried again, never a verdict on the candidate."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rustml.judge import Judge
from rustml.judge.rust.batch import Batch
from rustml.sandbox.processes import Processes
from tests.support.judge_cases import LIMITS, RIGHT, candidate

SCRIPT = """
import dataclasses, json, os, sys
from pathlib import Path
from tests.support.judge_cases import LIMITS, RIGHT, candidate
from rustml.judge import Judge

disk = Path(os.environ["TMPDIR"])
ones = [candidate(RIGHT + f"// {n}\\n", str(n)) for n in range(3)]

def fill(leave):
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass
        filler.truncate(max(filler.tell() - leave, 0))

found = {}
with Judge(dataclasses.replace(LIMITS, compile_seconds=20), workers=1) as judge:
    for leave in (0, 64 << 10, 400 << 10):
        fill(leave)
        found[leave] = [[verdict.status, verdict.detail] for verdict in judge.judge(ones)]
        (disk / "filler").unlink()
    found["room"] = [[verdict.status, verdict.detail] for verdict in judge.judge(ones)]
print(json.dumps(found))
"""


def mounted(folder: Path, size: str) -> list[str]:
    """A command line that runs what follows with a disk of that size at `folder`."""
    mount = f'mount -t tmpfs -o size={size} rustml-full {folder} && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    command = mounted(tmp_path, "8m")
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk of one's own to be had here: user namespaces do not mount")
    return ["env", f"TMPDIR={tmp_path}", f"PYTHONPATH={Path.cwd()}", *command]


def test_a_full_disk_is_infrastructure_and_passes_when_there_is_room_again(small_disk: list[str]) -> None:
    done = subprocess.run([*small_disk, sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    statuses = json.loads(done.stdout)
    assert [status for status, _ in statuses.pop("room")] == ["passed"] * 3
    for verdicts in statuses.values():
        assert [status for status, _ in verdicts] == ["infrastructure"] * 3, statuses
        assert all("; then " in detail for _, detail in verdicts), "it was tried once more"


def test_a_disk_that_fails_once_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Batch._judge, []

    def fails_once(self: Batch, folder: Path) -> None:
        calls.append(folder)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        real(self, folder)

    monkeypatch.setattr(Batch, "_judge", fails_once)
    with Judge(replace(LIMITS, compile_seconds=20), workers=1, lints=False) as judge:
        assert judge.judge([candidate(RIGHT)])[0].status == "passed"
    assert len(calls) == 2


def test_a_command_that_cannot_start_is_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    with Judge(LIMITS, workers=1, lints=False) as judge:
        monkeypatch.setattr(Processes, "_start", lambda *_: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        verdict = judge.judge([candidate(RIGHT)])[0]
    assert verdict.status == "infrastructure"
    assert "Too many open files" in verdict.detail
