"""Shards: resumed, never redone, and the same bytes whatever the number of workers and however often it was killed."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.records import Record
from rustml.sharding import Summary, bind_to_plan, run
from rustml.sharding.shards import ShardTask, digest, finished_shards, read_summary, remove_atomically, write_shard

COUNT = 6


class Square(Record, frozen=True):
    """Writes the square of the shard's number, and a line to a log each time that it is asked."""

    log: str
    fail_at: int = -1
    die_at: int = -1
    slow: float = 0.0

    def __call__(self, index: int, folder: Path) -> Summary:
        with Path(self.log).open("a") as log:
            log.write(f"{index}\n")
        (folder / "half.txt").write_text("half")
        time.sleep(self.slow)
        if index == self.fail_at:
            raise InputError("no square")
        if index == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "half.txt").unlink()
        (folder / "value.txt").write_text(str(index**2))
        return Summary(records=1, funnel=())


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 3):
        run(Square(log=str(tmp_path / "log")), COUNT, tmp_path / str(workers), workers=workers)
    assert tree(tmp_path / "1") == tree(tmp_path / "3")
    assert (tmp_path / "1" / "00005" / "value.txt").read_text() == "25"


def test_finished_shards_are_not_done_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(InputError, match="no square"):
        run(Square(log=str(log), fail_at=3), COUNT, tmp_path / "out", workers=1)
    log.write_text("")
    seen: list[tuple[int, int]] = []
    summaries = run(Square(log=str(log)), COUNT, tmp_path / "out", workers=1, progress=lambda *at: seen.append(at))
    assert log.read_text().split() == ["3", "4", "5"]
    assert seen == [(3, COUNT), (4, COUNT), (5, COUNT), (6, COUNT)]
    assert len(summaries) == COUNT
    assert "half.txt" not in {path.name for path in (tmp_path / "out").rglob("*")}


def test_a_failure_on_several_workers_ends_the_run_and_keeps_whole_shards(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no square"):
        run(Square(log=str(tmp_path / "log"), fail_at=2), COUNT, tmp_path / "out", workers=2)
    assert not (tmp_path / "out" / "00002").exists()
    run(Square(log=str(tmp_path / "log")), COUNT, tmp_path / "out", workers=2)
    run(Square(log=str(tmp_path / "log")), COUNT, tmp_path / "fresh", workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_killed_worker_is_a_fault_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="run the stage again"):
        run(Square(log=str(tmp_path / "log"), die_at=1), COUNT, tmp_path / "out", workers=2)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.sharding.test_shards import Square, COUNT
from rustml.sharding import run
run(Square(log={log!r}, slow=0.15), COUNT, Path({out!r}), workers={workers})
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("done", [0, 1, 4])
def test_killed_at_several_points_and_resumed(tmp_path: Path, done: int, workers: int) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    code = KILLED.format(tests=str(Path(__file__).parents[2]), log=str(log), out=str(out), workers=workers)
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 60
        while (len(log.read_text().split()) if log.exists() else 0) <= done:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    before = {path.name: path.stat().st_mtime_ns for path in finished_shards(out)} if done >= workers else {}
    assert len(before) > done - workers
    run(Square(log=str(log)), COUNT, out, workers=1)
    run(Square(log=str(log)), COUNT, tmp_path / "fresh", workers=1)
    assert tree(out) == tree(tmp_path / "fresh")
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before


def test_workers_end_with_a_run_that_was_killed(tmp_path: Path) -> None:
    """Left alone they would go on with the queued shards, beside the run that resumes."""
    log, out = tmp_path / "log", tmp_path / "out"
    code = KILLED.format(tests=str(Path(__file__).parents[2]), log=str(log), out=str(out), workers=2)
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as process:
        while not log.exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    time.sleep(0.1)
    started = log.read_text()
    time.sleep(0.6)
    assert log.read_text() == started
    assert len(started.split()) < COUNT


def test_a_shard_that_another_worker_finished_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    job = Square(log=str(tmp_path / "log"))
    write_shard(job, 2, tmp_path)
    made = (tmp_path / "00002").stat().st_mtime_ns
    write_shard(job, 2, tmp_path)
    assert (tmp_path / "00002").stat().st_mtime_ns == made
    assert not list(tmp_path.glob("*.partial"))


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="all workers need the same folder"):
        ShardTask(Square(log=str(tmp_path / "log")), tmp_path / "nowhere")(0)


def test_another_plan_starts_anew_and_the_same_plan_goes_on(tmp_path: Path) -> None:
    bind_to_plan(tmp_path / "out", {"a": 1})
    run(Square(log=str(tmp_path / "log")), 1, tmp_path / "out" / "files", workers=1)
    bind_to_plan(tmp_path / "out", {"a": 1})
    assert (tmp_path / "out" / "files" / "00000").is_dir()
    bind_to_plan(tmp_path / "out", {"a": 2})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["plan.json"]


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "00000").mkdir()
    with pytest.raises(InputError, match="00000 is not a finished shard"):
        read_summary(tmp_path / "00000")
    with pytest.raises(InputError, match="holds no shards"):
        finished_shards(tmp_path / "nowhere")


def test_digests_are_of_the_bytes(tmp_path: Path) -> None:
    summaries = run(Square(log=str(tmp_path / "log")), 2, tmp_path / "out", workers=1)
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in ("0", "1")]
    assert [summary.digests["value.txt"] for summary in summaries] == expected
    assert digest(summaries, "value.txt") != digest(summaries[::-1], "value.txt")


def test_remove_leaves_nothing_half_removed(tmp_path: Path) -> None:
    for name in ("work", "work.doomed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    remove_atomically(tmp_path / "work")
    assert not list(tmp_path.iterdir())
