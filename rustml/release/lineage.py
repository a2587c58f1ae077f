"""What a registered version was made from: the runs of its training steps, of its base model and of its data."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from mlflow.exceptions import MlflowException

from rustml.errors import EvidenceError
from rustml.release.fetching import fetch
from rustml.release.registry import STEP_TAG, Registry
from rustml.runs import tracking

LICENCE_TAG = "licence"
"""Tag of a version: the licence under which it is published, where a person has stated one."""
BASE_LICENCE_TAG = "base.licence"
"""Tag of the base model's run: the licence that the base's own card or the profile names."""
BASE_TERMS_TAG = "base.terms"
"""Tag of the base model's run: the address of the terms of use of its weights."""
DATA = ("pairs", "curate", "harvest", "bank")


@dataclass(frozen=True)
class RunFacts:
    """What the tracking store holds about one run."""

    run_id: str
    stage: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall seconds of the stage's body; 0 where none are recorded."""
        return float(self.tags.get("rustml.seconds", 0.0))

    def section(self, name: str) -> dict[str, str]:
        """The params of one section of the profile, without its name: `steps` of `sft.steps`."""
        return {key.removeprefix(f"{name}."): text for key, text in self.params.items() if key.startswith(f"{name}.")}

    def input(self, role: str) -> str:
        """Id of the run that was its input in this role; empty where it had none."""
        return self.tags.get(f"rustml.input.{role}", "")


@dataclass(frozen=True)
class Link:
    """One version of the chain from the base model."""

    version: str
    step: str
    """That it was made for; empty where none was noted."""
    run: RunFacts


@dataclass(frozen=True)
class Lineage:
    """The chain of versions, the oldest first, and what the oldest was made from."""

    links: tuple[Link, ...]
    base: RunFacts | None
    """Run of the base model; None where no run names one."""
    data: Mapping[str, RunFacts]
    """Runs of `pairs`, `curate`, `harvest` and `bank`, as far as they are known."""

    @property
    def runs(self) -> tuple[RunFacts, ...]:
        """All of them, data first."""
        base = (self.base,) if self.base else ()
        data = tuple(self.data[name] for name in reversed(DATA) if name in self.data)
        return (*data, *base, *(link.run for link in self.links))


def lineage(registry: Registry, number: str) -> Lineage:
    """The lineage of a version. Raises InputError where a version of the chain is gone from the registry."""
    links: list[Link] = []
    while number:
        version = registry.version(number)
        links.append(Link(number, version.tags.get(STEP_TAG, ""), _facts(registry, version.run_id)))
        number = version.parent if version.parent not in {link.version for link in links} else ""
    links.reverse()
    base = next((link.run.input("base") for link in links if link.run.input("base")), "")
    known = _facts(registry, base) if base else None
    runs = [*(link.run for link in links), *([known] if known else [])]
    return Lineage(tuple(links), known, dict(_data(registry, runs)))


def licences(registry: Registry, run_id: str, file: str) -> dict[str, int]:
    """Records of the file `FILE.jsonl` in a run's output by the licence of their origin; empty where it is gone."""
    try:
        path = fetch(registry.client, f"runs:/{run_id}/output/{file}.jsonl", f"{file}.jsonl of run {run_id}")
    except EvidenceError:  # an old output may have been deleted: the card then says that it is not known
        return {}
    return _count(path)


class _Origin(msgspec.Struct):
    licence: str = ""


class _Licensed(msgspec.Struct):
    """As much of a Pair or a Problem as names a licence."""

    licence: str = ""
    origin: _Origin = msgspec.field(default_factory=_Origin)


def _count(path: Path) -> dict[str, int]:
    decoder = msgspec.json.Decoder(_Licensed)
    with path.open("rb") as lines:
        records = (decoder.decode(line) for line in lines if not line.isspace())
        counts = Counter(record.licence or record.origin.licence or "not stated" for record in records)
    return dict(sorted(counts.items()))


def _data(registry: Registry, runs: list[RunFacts]) -> Iterator[tuple[str, RunFacts]]:
    """The newest pairs of the chain and what they were made from, the bank first named."""
    known = list(runs)
    for role in DATA:
        run_id = next((run.input(role) for run in reversed(known) if run.input(role)), "")
        if run_id:
            facts = _facts(registry, run_id)
            known.append(facts)
            yield role, facts


def _facts(registry: Registry, run_id: str) -> RunFacts:
    """The run as it is recorded; an empty record where the store has lost it."""
    if not run_id:
        return RunFacts("")
    try:
        run = registry.client.get_run(run_id)
    except MlflowException:
        return RunFacts(run_id)
    stage = run.data.tags.get(tracking.STAGE, "")
    return RunFacts(run_id, stage, dict(run.data.params), dict(run.data.metrics), dict(run.data.tags))
