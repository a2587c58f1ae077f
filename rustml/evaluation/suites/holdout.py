"""The domain hold-out as a suite: pairs from files never trained on, judged in their crates where that is possible."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rustml.errors import InputError
from rustml.evaluation.kinds.holdout import TASK
from rustml.evaluation.suites.protocols import PAIR
from rustml.evaluation.suites.suite import Suite
from rustml.generation.sampling import Sampling
from rustml.judge import Limits
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility, scan_eligibility
from rustml.judge.in_crate.judge import InCrateJudge, JudgeableSite
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.sites import InsertionSite, SiteNotFound, crate_folder, locate, vendor_folder
from rustml.profile.evaluation import SuiteSection
from rustml.progress import ProgressCallback
from rustml.records import Pair, Problem, read_jsonl
from rustml.rust.fences import blocks
from rustml.tasks import task_of

INPLACE = "inplace"
COMPILES, TESTED = "compile", "tests"
"""Values of the tag `inplace`: judged by the compiler, and by tests as well. Any other is why it is neither."""


@dataclass(frozen=True)
class Sources:
    """Where crates, and what they depend on, are found."""

    unpacked: Path
    """Folder in which harvest unpacked archives, by checksum."""
    dependencies: str
    """Cargo directory source; empty takes the one that a crate itself came from."""
    cache: Path
    """Crates built before."""


class Holdout(AbstractContextManager["Holdout"]):
    """Makes hold-out suites. Leaving it ends every process."""

    def __init__(self, pairs: Path, sources: Sources, limits: Limits, watch: ProgressCallback) -> None:
        """`pairs` is an output of the `pairs` stage; `watch` is told of crates made ready and crates in all.

        Raises SandboxUnavailable or EnvironmentFault where nothing can be judged.
        """
        self._pairs, self._sources, self._watch = pairs, sources, watch
        self._sandbox = CrateSandbox(limits)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sandbox.close()

    def suite(self, name: str, section: SuiteSection, seed: int) -> Suite:
        """The suite of this name. Raises InputError when there are no such pairs."""
        pairs = self._chosen(name, section)
        sites, faults = self._sites(pairs)
        judgeable = self._judgeable(sites)
        problems = tuple(_problem(pair, judgeable.get(pair.id), faults.get(pair.id, "")) for pair in pairs)
        fit = {identity: site for identity, site in judgeable.items() if not site.eligibility.fault}
        return Suite(
            name=name,
            group="holdout",
            metric_prefix=section.metric_prefix,
            problems=problems,
            protocol=PAIR,
            sampling=Sampling.from_section(section, PAIR.stops, seed),
            excluded=excluded(problems),
            judge=InCrateJudge(self._sandbox, fit, {problem.id: problem.reference for problem in problems}),
        )

    def _chosen(self, name: str, section: SuiteSection) -> list[Pair]:
        """Pairs in the order of their ids, which are hashes: the first few are a sample of all crates."""
        path = self._pairs / f"{section.problems}.jsonl"
        pairs = sorted(read_jsonl(path, Pair), key=lambda pair: pair.id)
        chosen = pairs[: section.limit] if section.limit else pairs
        if not chosen:
            raise InputError(f"{path} holds no pairs for suite {name}")
        return chosen

    def _sites(self, pairs: Sequence[Pair]) -> tuple[list[InsertionSite], dict[str, str]]:
        """Sites of the pairs that ask for code, and why others of them have none."""
        sites: list[InsertionSite] = []
        faults: dict[str, str] = {}
        for pair in pairs:
            if not task_of(pair.task).asks_for_code:
                continue
            try:
                folder = crate_folder(pair.origin, self._sources.unpacked)
                sites.append(locate(pair, folder, vendor_folder(pair.origin, self._sources.dependencies)))
            except SiteNotFound as fault:
                faults[pair.id] = str(fault)
        return sites, faults

    def _judgeable(self, sites: Sequence[InsertionSite]) -> dict[str, JudgeableSite]:
        by_crate: dict[tuple[str, str], list[InsertionSite]] = {}
        for site in sites:
            by_crate.setdefault((site.folder, site.vendor), []).append(site)
        judgeable: dict[str, JudgeableSite] = {}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="crates") as threads:
            pending = [threads.submit(self._settle, *where, group) for where, group in sorted(by_crate.items())]
            try:
                for done, crate in enumerate(as_completed(pending), start=1):
                    judgeable |= crate.result()
                    self._watch(done, len(pending))
            except BaseException:
                self._sandbox.close()  # else the crates under way would be built to the end
                for crate in pending:
                    crate.cancel()
                raise
        return judgeable

    def _settle(self, folder: str, vendor: str, sites: Sequence[InsertionSite]) -> dict[str, JudgeableSite]:
        """The sites of one crate. cargo alone does not keep two cores busy: most crates are a chain of few others."""
        crate = prepare(Path(folder), Path(vendor), self._sources.cache, self._sandbox)
        eligibility = scan_eligibility(sites, crate, self._sandbox)
        return {site.id: JudgeableSite(site, eligibility[site.id], crate) for site in sites}


class HeldOutProblem(Problem, frozen=True, omit_defaults=True, kw_only=True):
    """A held-out pair as a problem, with what it is judged by: the digest of the suite covers both."""

    eligibility: Eligibility


def _problem(pair: Pair, site: JudgeableSite | None, fault: str) -> HeldOutProblem:
    eligibility = site.eligibility if site else Eligibility(fault=fault or "text_only")
    judged = eligibility.fault or (TESTED if eligibility.testable else COMPILES)
    return HeldOutProblem(
        id=pair.id,
        bank="holdout",
        split="test",
        language="rust",
        instruction=pair.instruction,
        entry_point=site.site.name if site else "",
        reference=_expected(pair),
        tests="",
        licence=pair.origin.licence,
        eligibility=eligibility,
        tags={TASK: pair.task, INPLACE: judged, "crate": f"{pair.origin.name}-{pair.origin.version}"},
    )


def _expected(pair: Pair) -> str:
    """What an answer's extracted part is compared with."""
    return (blocks(pair.answer) or [pair.answer.strip().strip("`")])[-1]


def excluded(problems: Sequence[Problem]) -> Mapping[str, int]:
    """Pairs that ask for code and cannot be judged in place, counted by reason."""
    reasons = [problem.tags[INPLACE] for problem in problems if task_of(problem.tags[TASK]).asks_for_code]
    return {reason: reasons.count(reason) for reason in sorted({*reasons} - {COMPILES, TESTED})}
