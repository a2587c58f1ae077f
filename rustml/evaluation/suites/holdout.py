"""The domain hold-out as a suite: pairs from files never trained on, judged in their crates where that is possible."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from rustml.contents import directory_source_contents
from rustml.errors import InputError
from rustml.evaluation.kinds.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.evaluation.suites.account import account_of
from rustml.evaluation.suites.crates import LocatedPairs, Sources, label, locate_pairs
from rustml.evaluation.suites.protocols import PAIR
from rustml.evaluation.suites.suite import Suite
from rustml.futures import as_finished
from rustml.generation.sampling import Sampling
from rustml.judge import Limits
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility, scan_eligibility
from rustml.judge.in_crate.insertion import JudgeableSite
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.sites import InsertionSite
from rustml.profile.evaluation import SuiteSection
from rustml.progress import LabelledProgress
from rustml.records import Pair, Problem, read_jsonl
from rustml.rust.fences import blocks
from rustml.tasks import task_of


class Holdout(AbstractContextManager["Holdout"]):
    """Makes hold-out suites. Leaving it ends every process."""

    def __init__(
        self, pairs: Path, sources: Sources, limits: Limits, watch: LabelledProgress, *, sandbox: str = "auto"
    ) -> None:
        """`pairs` is an output of the `pairs` stage; `watch` is told of crates made ready, by what is done to them.

        Raises SandboxUnavailable or EnvironmentFault where nothing can be judged.
        """
        self._pairs, self._sources, self._watch = pairs, sources, watch
        self._sandbox = CrateSandbox(limits, sandbox)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sandbox.close()

    def suite(self, name: str, section: SuiteSection, seed: int) -> Suite:
        """The suite of this name. Raises InputError when there are no such pairs."""
        pairs = self._chosen(name, section)
        code = [pair for pair in pairs if task_of(pair.task).asks_for_code]
        cargo = self._sandbox.tools.sysroot / "bin" / "cargo"
        located = locate_pairs(code, self._sources, cargo, self._watch)
        judgeable = self._judgeable(located.sites)
        problems = tuple(_problem(pair, judgeable.get(pair.id), located) for pair in pairs)
        fit = {identity: site for identity, site in judgeable.items() if not site.eligibility.fault}
        account = account_of(problems, _complaints(judgeable.values(), located), located.dependencies)
        return Suite(
            name=name,
            group="holdout",
            metric_prefix=section.metric_prefix,
            problems=problems,
            protocol=PAIR,
            sampling=Sampling.from_section(section, PAIR.stops, seed),
            excluded=account.excluded,
            account=account,
            judge=InCrateJudge(self._sandbox, fit, {problem.id: problem.reference for problem in problems}),
        )

    def _chosen(self, name: str, section: SuiteSection) -> list[Pair]:
        """Pairs in the order of their ids, which are hashes: the first few are a sample of all crates."""
        path = self._pairs / f"{section.problems}.jsonl"
        pairs = sorted(read_jsonl(path, Pair), key=lambda pair: pair.id)
        if section.crates:
            pairs = of_most_asked_crates(pairs, section.crates)
        chosen = pairs[: section.limit] if section.limit else pairs
        if not chosen:
            raise InputError(f"{path} holds no pairs for suite {name}")
        return chosen

    def _judgeable(self, sites: Sequence[InsertionSite]) -> dict[str, JudgeableSite]:
        by_crate: dict[tuple[str, str], list[InsertionSite]] = {}
        for site in sites:
            by_crate.setdefault((site.folder, site.vendor), []).append(site)
        digests = {vendor: directory_source_contents(Path(vendor)) for vendor in {site.vendor for site in sites}}
        judgeable: dict[str, JudgeableSite] = {}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="crates") as threads:
            pending = [
                threads.submit(self._settle, folder, vendor, digests[vendor], group)
                for (folder, vendor), group in sorted(by_crate.items())
            ]
            try:
                for done, crate in enumerate(as_finished(pending), start=1):
                    judgeable |= crate.result()
                    self._watch("crates of the hold-out", done, len(pending))
            except BaseException:
                self._sandbox.close()  # else the crates under way would be built to the end
                for crate in pending:
                    crate.cancel()
                raise
        return judgeable

    def _settle(
        self, folder: str, vendor: str, vendor_digest: str, sites: Sequence[InsertionSite]
    ) -> dict[str, JudgeableSite]:
        """The sites of one crate. cargo alone does not keep two cores busy: most crates are a chain of few others."""
        cache = self._sources.cache
        crate = prepare(Path(folder), Path(vendor), cache, self._sandbox, vendor_digest=vendor_digest)
        eligibility = scan_eligibility(sites, crate, self._sandbox)
        return {site.id: JudgeableSite(site, eligibility[site.id], crate) for site in sites}


def of_most_asked_crates(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """The pairs of the `most` crates that have the most pairs that ask for code, in their order."""
    counts = Counter(label(pair) for pair in pairs if task_of(pair.task).asks_for_code)
    chosen = sorted(counts, key=lambda crate: (-counts[crate], crate))[:most]
    return [pair for pair in pairs if label(pair) in chosen]


class HeldOutProblem(Problem, frozen=True, omit_defaults=True, kw_only=True):
    """A held-out pair as a problem, with what it is judged by: the digest of the suite covers both."""

    eligibility: Eligibility
    lock: str = ""
    """SHA-256 of the Cargo.lock that its crate was built by; empty for a crate that did not come from a registry."""


def _problem(pair: Pair, site: JudgeableSite | None, located: LocatedPairs) -> HeldOutProblem:
    fault = located.faults.get(pair.id, "text_only")
    eligibility = site.eligibility if site else Eligibility(fault=fault)
    judged = eligibility.fault or (TESTED if eligibility.testable else COMPILES)
    brought = located.dependencies.get(label(pair))
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
        lock=brought.lock if brought else "",
        tags={TASK: pair.task, INPLACE: judged, "crate": label(pair)},
    )


def _complaints(sites: Iterable[JudgeableSite], located: LocatedPairs) -> dict[str, str]:
    """By crate, why none of its pairs is judged."""
    refused = {name: f"{made.fault}: {made.detail}" for name, made in located.dependencies.items() if made.fault}
    unbuilt = {Path(site.site.folder).name: site.crate.built.fault for site in sites if site.crate.built.fault}
    return refused | {name: f"crate_does_not_build: {complaint}" for name, complaint in unbuilt.items()}


def _expected(pair: Pair) -> str:
    """What an answer's extracted part is compared with."""
    return (blocks(pair.answer) or [pair.answer.strip().strip("`")])[-1]
