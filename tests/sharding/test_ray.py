"""The stages on a Ray cluster of two nodes: the same bytes as on this machine, and our own errors as they are."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.corpus.curation.curate import curate
from rustml.corpus.harvest import harvest
from rustml.errors import EnvironmentFault, InputError
from rustml.pairs.build import build
from rustml.profile import load
from rustml.sharding import Workers, run, worker_count
from tests.support.problems import COUNTING
from tests.support.ray_cluster import needs_ray, two_nodes


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with two_nodes() as nodes:
        yield nodes.address


def crates(root: Path) -> Path:
    """A directory source of thirty crates: of three that are nearly alike, two in shards apart."""
    for number in range(30):
        folder = root / f"c{number:02}-1.0.0"
        (folder / "src").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(f'[package]\nname = "c{number:02}"\nversion = "1.0.0"\nlicense = "MIT"\n')
        first = 10 if number in (3, 17, 29) else 20 * number
        text = "".join(COUNTING.format(n=n) for n in range(first, first + 12))
        (folder / "src" / "lib.rs").write_text(f"{text}// crate {number}\n")
        (folder / ".cargo-checksum.json").write_text('{"package": "' + "ab" * 32 + '", "files": {}}')
    return root


def stages(source: Path, out: Path, workers: Workers) -> dict[str, bytes]:
    """All three stages; every file that they leave, but the plans, which name folders."""
    tiny = load("tiny")
    changed: dict[str, Any] = {"registry": "", "directory": str(source), "crates": ("all",), "crates_per_shard": 4}
    harvest(msgspec.structs.replace(tiny.harvest, **changed), out / "h", workers=workers, cache=out / "cache")
    report = curate(tiny.curate, out / "h", out / "c", protected=[], workers=workers)
    dropped = {step.stage: step.dropped for step in report.funnel}
    assert dropped["near"] == {"near_duplicate": 2}, "near duplicates are found across shards"
    build(tiny.pairs, out / "c", out / "p", protected=[], workers=workers)
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "plan.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.slow
@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_two_nodes_give_the_same_bytes(cluster: str, tmp_path: Path) -> None:
    import ray

    source = crates(tmp_path / "registry")
    here, there = stages(source, tmp_path / "here", 1), stages(source, tmp_path / "there", "ray")
    assert here == there
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    places = [ray.remote(_node).options(scheduling_strategy="SPREAD").remote() for _ in range(8)]
    assert len(set(ray.get(places))) == 2, f"both nodes of {cluster} work"


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


@pytest.mark.slow
@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_an_error_of_ours_comes_back_as_it_is(cluster: str, tmp_path: Path) -> None:
    assert cluster
    broken = tmp_path / "h" / "files" / "00000"
    broken.mkdir(parents=True)
    (broken / "files.jsonl").write_text("no record\n")
    (broken / "summary.json").write_text('{"records":1,"funnel":[],"digests":{"files.jsonl":"x"}}')
    with pytest.raises(InputError, match=r"files\.jsonl, line 1"):
        curate(load("tiny").curate, tmp_path / "h", tmp_path / "c", protected=[], workers="ray")


def test_who_works_follows_from_the_profile() -> None:
    assert worker_count("ray") == "ray"
    assert worker_count("local") == os.cpu_count()


def test_without_ray_it_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentFault, match=r"pip install -r requirements/ray\.txt"):
        run(crates, 1, tmp_path / "out", workers="ray")  # type: ignore[arg-type]  # no job is reached
