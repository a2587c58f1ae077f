"""The shop of inplace_crates, built, and the judge that puts answers into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault
from rustml.judge import Limits
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility, scan_eligibility
from rustml.judge.in_crate.insertion import Insertion, JudgeableSite
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.judge.in_crate.prepared_crate import BuildRecord, PreparedCrate, prepare
from rustml.judge.in_crate.sites import InsertionSite, locate
from rustml.records import Candidate, Pair, Verdict
from rustml.rust.fences import blocks
from rustml.rust.syntax import functions
from tests.support.crates import candidate, write_source

LIMITS = Limits(cpu_seconds=2.0, run_seconds=20.0)


@dataclass
class Bench:
    """The shop, ready."""

    vendor: Path
    crate: PreparedCrate
    sandbox: CrateSandbox
    cache: Path

    def place(self, made: Pair) -> JudgeableSite:
        """Found once: the scan keeps its answers beside the crate."""
        site = locate(made, self.vendor / "shop-1.0.0", self.vendor)
        return JudgeableSite(site, scan_eligibility([site], self.crate, self.sandbox)[site.id], self.crate)

    def verdict(self, made: Pair, code: str) -> Verdict:
        judge = InCrateJudge(self.sandbox, {made.id: self.place(made)}, {made.id: blocks(made.answer)[-1]})
        return judge.verdict(candidate(made, code))


@contextmanager
def opened_sandbox(name: str = "auto") -> Iterator[CrateSandbox]:
    """A sandbox for crates. Skips where there is none, or no toolchain."""
    try:
        sandbox = CrateSandbox(LIMITS, name)
    except EnvironmentFault as error:
        pytest.skip(f"no sandbox or toolchain here: {error}")
    yield sandbox
    sandbox.close()


def require_sandbox() -> None:
    """Skip where there is none, or no toolchain."""
    with opened_sandbox():
        pass


@contextmanager
def built(root: Path, sandbox: str = "auto") -> Iterator[Bench]:
    """The bench in an empty folder. Skips where there is no sandbox or no toolchain."""
    source = write_source(root / "vendor")
    with opened_sandbox(sandbox) as opened:
        yield Bench(root / "vendor", prepare(source, root / "vendor", root / "cache", opened), opened, root)


def inserted(function: str, reference: str, folder: Path = Path(), start: int = 0) -> Insertion:
    """A function in the place of a reference that no compiler has seen."""
    (span,) = functions(reference.encode())
    site = InsertionSite(
        id="pair", task="sig_doc_impl", folder=str(folder), vendor="", path="src/lib.rs", start=start,
        body=start + span.body, end=start + len(reference.encode()), name=span.name, reference=reference,
    )  # fmt: skip
    crate = PreparedCrate(Path(), BuildRecord(invocations=(), features=()), "none")
    return Insertion(
        Candidate(id="pair#0", code=function, tests="", entry_point=""),
        JudgeableSite(site, Eligibility(), crate),
        function,
    )
