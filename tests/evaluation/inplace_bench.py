"""The shop of inplace_crates, built, and the judge that puts answers into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from inplace_crates import candidate, write_source

from rustml.errors import EnvironmentFault
from rustml.evaluation.inplace.confine import Confinement
from rustml.evaluation.inplace.judge import InPlaceJudge, Place
from rustml.evaluation.inplace.sites import blocks, locate
from rustml.evaluation.inplace.survey import Survey
from rustml.evaluation.inplace.workshop import Workshop, prepare
from rustml.judge import Limits
from rustml.records import Pair, Verdict

LIMITS = Limits(cpu_seconds=2.0, run_seconds=20.0)


@dataclass
class Bench:
    """The shop, ready."""

    vendor: Path
    workshop: Workshop
    confinement: Confinement
    cache: Path

    def place(self, made: Pair) -> Place:
        """Found once: the survey keeps its answers beside the crate."""
        site = locate(made, self.vendor / "shop-1.0.0", self.vendor)
        return Place(site, Survey(self.workshop, self.confinement).standings([site])[site.id], self.workshop)

    def verdict(self, made: Pair, code: str) -> Verdict:
        judge = InPlaceJudge(self.confinement, {made.id: self.place(made)}, {made.id: blocks(made.answer)[-1]})
        return judge.verdict(candidate(made, code))


@contextmanager
def built(root: Path) -> Iterator[Bench]:
    """The bench in an empty folder. Skips where there is no sandbox or no toolchain."""
    source = write_source(root / "vendor")
    try:
        confinement = Confinement(LIMITS)
    except EnvironmentFault as error:
        pytest.skip(f"no sandbox or toolchain here: {error}")
    yield Bench(root / "vendor", prepare(source, root / "vendor", root / "cache", confinement), confinement, root)
    confinement.close()
