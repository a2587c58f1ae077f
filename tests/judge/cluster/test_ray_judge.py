"""The judge on a Ray cluster of two nodes: the verdicts of this machine, also where a node is killed in the middle."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.errors import EnvironmentFault
from rustml.judge.cluster.client import RayJudge
from rustml.judge.cluster.dispatch import IN_FLIGHT
from rustml.profile import Profile, load
from rustml.records import Candidate, Dependency, Verdict
from rustml.stages.judging import judging_environment, open_judge, open_local_judge
from tests.support.crate_archives import manifest
from tests.support.judge_cases import RIGHT, WRONG, candidate
from tests.support.ray_cluster import TOLD, needs_ray, open_double, two_nodes

LIMITS = ("compile_seconds=6", "run_seconds=20", "cpu_seconds=0.5", "memory_mb=512", "disk_mb=16")
HOSTILE = {
    "loop": "pub fn double(_xs: Vec<i32>) -> Vec<i32> {\n    loop {}\n}\n",
    "exit": "pub fn double(_xs: Vec<i32>) -> Vec<i32> {\n    std::process::exit(0)\n}\n",
    "overflow": "pub fn double(xs: Vec<i32>) -> Vec<i32> {\n    if xs.len() > 9 { xs } else { double(xs) }\n}\n",
    "unsafe": RIGHT.replace("pub fn", "unsafe fn x() {}\npub fn"),
    "broken": "pub fn double(",
    "files": 'pub fn double(xs: Vec<i32>) -> Vec<i32> {\n    std::fs::read("/etc/passwd").unwrap();\n    xs\n}\n',
}
PYTHON = Candidate(
    id="python", language="python", code="def f(x):\n    return x\n", tests="assert f(1) == 1\n", entry_point="f"
)
pytestmark = [pytest.mark.slow, needs_ray, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as nodes:
        yield nodes


def profile(engine: str, crates: str = "") -> Profile:
    named = [f"judge.crates={crates}"] if crates else []
    return load("tiny", (f"judge.engine={engine}", *named, *(f"judge.{limit}" for limit in LIMITS)))


def variant(number: int) -> Candidate:
    """A candidate unlike the others, right where its number is even."""
    return candidate(f"// {number}\n{WRONG if number % 2 else RIGHT}", str(number))


def without_times(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, seconds={})


def test_the_cluster_gives_the_verdicts_of_this_machine(cluster: Any, tmp_path: Path) -> None:
    assert cluster
    asked = [variant(number) for number in range(12)] + [candidate(code, name) for name, code in HOSTILE.items()]
    asked += [PYTHON, candidate(RIGHT, "twice"), candidate(RIGHT, "again")]
    with open_local_judge(profile("local"), CacheLayout(tmp_path), workers=1) as judge:
        here = judge.judge(asked)
    shown: list[tuple[int, int]] = []
    with open_judge(profile("ray"), CacheLayout(tmp_path), keep=False) as remote:
        there = remote.judge(asked, lambda done, total: shown.append((done, total)))
        assert remote.judge([]) == []
    assert [*map(without_times, there)] == [*map(without_times, here)]
    assert {one.status for one in here} >= {"passed", "wrong", "compile_error", "run_timeout", "policy", "crashed"}
    assert shown == sorted(shown)
    assert shown[-1] == (len(asked), len(asked))
    assert judging_environment(profile("ray")) == judging_environment(profile("local"))


def test_a_node_that_is_killed_in_the_middle_costs_no_verdict(cluster: Any, tmp_path: Path) -> None:
    third = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes(timeout=300)
    asked = [variant(number) for number in range(300)]  # parts wait for nodes: what a lost one has is never all
    queued: list[int] = []
    with open_judge(profile("ray"), CacheLayout(tmp_path), keep=False) as judge:
        assert isinstance(judge, RayJudge)
        crew = judge._crew
        assert len(crew.names()) == 3

        def kill(done: int, _total: int) -> None:
            queued.append(max(len(node.asked) for node in crew._nodes.values()))
            if done and third is not None and len(queued) == 1:
                cluster.remove_node(third, allow_graceful=False)

        verdicts = judge.judge(asked, kill)
        assert len(crew.names()) == 2
    assert [one.id for one in verdicts] == [str(number) for number in range(300)]
    assert [one.status for one in verdicts] == ["wrong" if number % 2 else "passed" for number in range(300)]
    assert max(queued) <= IN_FLIGHT


def test_a_judge_that_is_killed_on_a_node_that_is_there_is_started_again(cluster: Any, tmp_path: Path) -> None:
    import ray

    assert cluster
    with RayJudge(partial(open_double, tmp_path), "c") as judge:
        before = {name: node.actor for name, node in judge._crew._nodes.items()}
        ray.kill(next(iter(before.values())), no_restart=True)
        verdicts = judge.judge([candidate(f"right {number}", str(number)) for number in range(40)])
        after = {name: node.actor for name, node in judge._crew._nodes.items()}
    assert [one.status for one in verdicts] == ["passed"] * 40
    assert after.keys() == before.keys()
    assert sum(after[name] is not before[name] for name in before) == 1


def test_verdicts_are_kept_on_the_machine_that_asks(cluster: Any, tmp_path: Path) -> None:
    assert cluster
    asked = [candidate("right", "a"), candidate("other", "b")]
    with RayJudge(partial(open_double, tmp_path / "x"), "c", cache=tmp_path / "verdicts") as judge:
        (tmp_path / "x").mkdir()
        first = judge.judge(asked)
    with RayJudge(partial(open_double, tmp_path / "x"), "c", cache=tmp_path / "verdicts") as judge:
        judge._crew.give = pytest.fail  # type: ignore[method-assign, assignment]
        assert judge.judge([*asked, candidate("right", "again")])[:2] == first
    with RayJudge(partial(open_double, tmp_path / "x"), "c", lints=False, cache=tmp_path / "verdicts") as judge:
        judge.judge([candidate("right", "a")])
    assert len(list((tmp_path / "verdicts").rglob("*.json"))) == 3


def test_crates_come_from_a_folder_that_all_nodes_see(cluster: Any, tmp_path: Path) -> None:
    assert cluster
    crate = tmp_path / "vendor" / "tally-1.2.0"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text(manifest("tally", "1.2.0"))
    (crate / "src" / "lib.rs").write_text("pub fn two() -> i32 {\n    2\n}\n")
    (crate / ".cargo-checksum.json").write_text('{"files": {}}')
    tally, missing = (Dependency(name="tally", version="1"),), (Dependency(name="nowhere", version="1"),)
    code = RIGHT.replace("x * 2", "x * tally::two()")
    asked = [msgspec.structs.replace(candidate(code, name), dependencies=tally) for name in ("a", "b")]
    asked += [msgspec.structs.replace(candidate(code, "c"), dependencies=missing), candidate(code, "d")]
    with open_judge(profile("ray", str(crate.parent)), CacheLayout(tmp_path / "cache")) as judge:
        statuses = [one.status for one in judge.judge(asked)]
        faults = judge.crates_fault(tally), judge.crates_fault(missing)
    assert statuses == ["passed", "passed", "infrastructure", "compile_error"]
    assert faults[0] == ""
    assert "nowhere" in faults[1]


def ends(actor: Any) -> bool:
    """Whether the actor's process ends within a minute: Ray ends it some time after it was told to."""
    import ray

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            ray.get(actor.judge.remote([]), timeout=60)
        except ray.exceptions.RayActorError:
            return True
        time.sleep(0.1)
    return False


def test_leaving_the_judge_closes_every_nodes_judge_and_ends_its_process(cluster: Any, tmp_path: Path) -> None:
    assert cluster
    with RayJudge(partial(open_double, tmp_path), "c") as judge:
        actors = [node.actor for node in judge._crew._nodes.values()]
        verdicts = judge.judge([candidate("right", "same"), candidate("other", "same"), candidate("right", "same")])
    assert [(one.id, one.status) for one in verdicts] == [("same", "passed"), ("same", "wrong"), ("same", "passed")]
    assert len(list(tmp_path.iterdir())) == len(actors) == 2
    assert all(ends(actor) for actor in actors)


def test_a_node_that_would_judge_otherwise_or_not_at_all_is_named(cluster: Any, tmp_path: Path) -> None:
    """Its environment names another toolchain to the double, and holds no toolchain for the real judge."""
    for program in ("bash", "sh"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    node = cluster.add_node(num_cpus=1, env_vars={TOLD: "2", "PATH": str(tmp_path)})
    cluster.wait_for_nodes(timeout=300)
    try:
        with pytest.raises(EnvironmentFault, match=r"rust: .*: 1; \S+ \(\w{8}\): 2|rust: \S+ \(\w{8}\): 2; .*: 1"):
            RayJudge(partial(open_double, tmp_path), "c")
        with pytest.raises(EnvironmentFault, match=r"on 1 of 3 nodes.*\n  \S+ \(\w{8}\): `cargo` is not on PATH"):
            open_judge(profile("ray"), CacheLayout(tmp_path))
    finally:
        cluster.remove_node(node)
