"""A registry on loopback, and what harvest obtains from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rustml.cargo import SparseRegistry, resolve
from rustml.corpus.sources.crate import Crate, CrateRequest, RejectedCrate
from rustml.corpus.sources.registry import obtain
from rustml.profile.harvest import HarvestSection
from tests.support.loopback_registry import Registry, serving

Bring = Callable[..., tuple[list[Crate], list[RejectedCrate]]]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as served:
        yield served


@pytest.fixture
def bring(registry: Registry, harvest_section: Callable[..., HarvestSection], tmp_path: Path) -> Bring:
    """`bring("name", "name@1.0.0", **changes)`: the crates and the rejected ones, with a section so changed."""

    def run(*names: str, **changes: object) -> tuple[list[Crate], list[RejectedCrate]]:
        address = f"sparse+{registry.url}/index/"
        section = harvest_section(**{"registry": address, "attempts": 3, "timeout_seconds": 5.0, **changes})
        source = resolve(section.registry)
        assert isinstance(source, SparseRegistry)
        wanted = [CrateRequest(name=name.partition("@")[0], version=name.partition("@")[2]) for name in names]
        return obtain(section, source, wanted, tmp_path / "cache", lambda _done, _total: None)

    return run
