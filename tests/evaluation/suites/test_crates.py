"""Pairs whose crates came from a registry: their dependencies are brought, else they are excluded by name."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rustml.evaluation.kinds.holdout import INPLACE
from rustml.evaluation.suites.crates import Sources, locate_pairs
from rustml.evaluation.suites.holdout import Holdout
from rustml.evaluation.suites.suite import Suite
from rustml.judge import Limits
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.rust import toolchain
from rustml.origin import archive_folder, sparse_registry
from rustml.profile import load
from rustml.records import Pair, candidate_of, write_jsonl
from tests.support.cargo_registry import CrateRegistry, crate_files
from tests.support.crates import COIN, TOTAL, pair, write_source
from tests.support.in_crate import require_sandbox

COIN_FILES = {"Cargo.toml": COIN, "src/lib.rs": "pub const VALUE: u32 = 2;\n"}
CARGO = toolchain.find().sysroot / "bin" / "cargo"


@pytest.fixture
def registry() -> Iterator[CrateRegistry]:
    with CrateRegistry() as served:
        yield served


def harvested(registry: CrateRegistry, root: Path) -> Pair:
    """A pair of the shop as if it had been harvested from the registry, its archive unpacked in the cache."""
    folder = write_source(root / "vendor")
    checksum = registry.add(crate_files(folder))
    unpacked = archive_folder(root / "sources", checksum) / folder.name
    unpacked.parent.mkdir(parents=True)
    folder.rename(unpacked)
    write_source(root / "vendor")  # the pair reads where its function stands
    made = pair(root / "vendor", TOTAL)
    origin = msgspec.structs.replace(
        made.origin, registry=sparse_registry(registry.url), url="https://x/y", archive_sha256=checksum
    )
    return msgspec.structs.replace(made, origin=origin)


def sources(root: Path, registry: CargoSource | None = None) -> Sources:
    return Sources(root / "sources", "", root / "built", root / "brought", registry)


def test_the_registry_of_the_crate_is_asked_where_the_profile_names_none(
    registry: CrateRegistry, tmp_path: Path
) -> None:
    made = harvested(registry, tmp_path)
    told: list[tuple[str, int, int]] = []
    registry.add(COIN_FILES)
    located = locate_pairs([made], sources(tmp_path), CARGO, lambda *shown: told.append(shown))
    assert not located.faults
    assert [package.name for package in located.dependencies["shop-1.0.0"].packages] == ["coin"]
    assert Path(located.sites[0].vendor).parent == tmp_path / "brought"
    assert told == [("dependencies of hold-out crates", 1, 1)]


def test_the_registry_of_the_profile_is_asked_before_that_of_the_crate(registry: CrateRegistry, tmp_path: Path) -> None:
    made = harvested(registry, tmp_path)
    with CrateRegistry() as mirror:
        mirror.add(COIN_FILES)
        located = locate_pairs([made], sources(tmp_path, CargoSource.sparse(mirror.url)), CARGO, lambda *_: None)
    assert not located.faults
    assert registry.requests == []


def test_a_crate_without_its_dependency_is_excluded_by_name(registry: CrateRegistry, tmp_path: Path) -> None:
    made = harvested(registry, tmp_path)
    located = locate_pairs([made], sources(tmp_path), CARGO, lambda *_: None)
    assert located.faults == {made.id: "dependency_missing"}
    assert located.sites == []
    assert "coin" in located.dependencies["shop-1.0.0"].detail


def test_nothing_is_asked_and_nothing_told_where_no_crate_came_from_a_registry(tmp_path: Path) -> None:
    write_source(tmp_path / "vendor")
    told: list[object] = []
    located = locate_pairs([pair(tmp_path / "vendor", TOTAL)], sources(tmp_path), CARGO, told.append)
    assert (len(located.sites), told) == (1, [])
    assert not (tmp_path / "brought").exists()


def test_a_crate_of_no_registry_and_no_source_has_no_dependencies(registry: CrateRegistry, tmp_path: Path) -> None:
    made = harvested(registry, tmp_path)
    foreign = msgspec.structs.replace(made, origin=msgspec.structs.replace(made.origin, registry=""))
    located = locate_pairs([foreign], sources(tmp_path), CARGO, lambda *_: None)
    assert located.faults == {made.id: "no_dependencies"}


def held_out(root: Path, made: Pair) -> Suite:
    """The suite, and what it makes of the reference."""
    write_jsonl(root / "holdout.jsonl", [made])
    section = msgspec.structs.replace(load("tiny").evaluation.suites["holdout"], limit=0)
    require_sandbox()
    with Holdout(root, sources(root), Limits(cpu_seconds=2.0, run_seconds=20.0), lambda *_: None) as maker:
        suite = maker.suite("holdout", section, 1)
        assert suite.judge is not None
        (verdict,) = suite.judge.judge(
            [candidate_of(made_problem, TOTAL, f"{made.id}#0") for made_problem in suite.problems]
        )
        assert verdict.status == "passed"
    return suite


def test_a_pair_of_a_registrys_crate_is_judged_in_place_and_again_without_the_registry(
    registry: CrateRegistry, tmp_path: Path
) -> None:
    made = harvested(registry, tmp_path)
    registry.add(COIN_FILES)
    suite = held_out(tmp_path, made)
    assert [problem.tags[INPLACE] for problem in suite.problems] == ["tests"]
    registry.close()
    again = held_out(tmp_path, made)
    assert again.data_digest == suite.data_digest
    assert again.account == suite.account
