"""Data sets of the hub at a commit: asked once, when a stage starts, so that its key, its run and its reading agree.

A name without a full commit stands for another data set tomorrow. What a stage gets in its place says the commit: the
stage key holds it, the run's profile records it, and a full commit in a profile is not asked for again.
"""

from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from rustml.banks.sources.load import HUB, SOURCES, is_on_hub
from rustml.banks.sources.to_mine import ON_HUB, on_hub
from rustml.hub_datasets import HubDataset, at_commit, hub_dataset
from rustml.profile import Profile
from rustml.profile.pairs import Pool

POOL_ON_HUB = "hub:"
P = TypeVar("P", bound=Pool)


def with_dataset_commits(profile: Profile) -> Profile:
    """The profile with `harvest.datasets` of the hub at commits. Raises as `hub_datasets.pinned` does."""
    sources = tuple(
        source if Path(source.name).exists() else replace(source, name=_text(at_commit(hub_dataset(source.name))))
        for source in profile.harvest.datasets
    )
    return replace(profile, harvest=replace(profile.harvest, datasets=sources))


def with_bank_commits(profile: Profile) -> Profile:
    """The profile with `bank.benchmarks` of the hub at commits. Raises as `hub_datasets.pinned` does."""
    benchmarks = {name: _benchmark(name, source) for name, source in profile.bank.benchmarks.items()}
    return replace(profile, bank=replace(profile.bank, benchmarks=benchmarks))


def with_source_commits(profile: Profile) -> Profile:
    """The profile with the `mine.sources` of the hub at commits. Raises as `hub_datasets.pinned` does."""
    sources = {
        name: replace(one, path=ON_HUB + _text(at_commit(hub_dataset(one.path.removeprefix(ON_HUB)))))
        if on_hub(one)
        else one
        for name, one in profile.mine.sources.items()
    }
    return replace(profile, mine=replace(profile.mine, sources=sources))


def with_pool_commits(profile: Profile) -> Profile:
    """The profile with the pools of `pairs` on the hub at commits. Raises as `hub_datasets.pinned` does."""
    anchors = {name: _pool(pool) for name, pool in profile.pairs.anchors.items()}
    domain = {name: _pool(pool) for name, pool in profile.pairs.domain.items()}
    return replace(profile, pairs=replace(profile.pairs, anchors=anchors, domain=domain))


def _benchmark(name: str, source: str) -> str:
    """The source at a commit; a bank that no hub holds stays as it is, for the loader to refuse."""
    public = SOURCES.get(name)
    if not is_on_hub(source) or public is None or public.hub is None:
        return source
    _, at, revision = source.partition("@")
    if at and not revision:
        return source
    return f"{HUB}@{at_commit(public.hub._replace(revision=revision or None)).revision}"


def _pool(pool: P) -> P:
    if not pool.source.startswith(POOL_ON_HUB):
        return pool
    dataset = at_commit(hub_dataset(pool.source.removeprefix(POOL_ON_HUB)))
    return replace(pool, source=f"{POOL_ON_HUB}{_text(dataset)}")


def _text(dataset: HubDataset) -> str:
    """A data set as `hub_dataset` reads it."""
    return f"{dataset.repository}@{dataset.revision}"
