"""Verdicts on answers to problems that are judged in their crates, by the tests that the problem names."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from rustml.covering_tests import CoveringTests
from rustml.judge.cache import Cache
from rustml.judge.in_crate.coverage import library_calls
from rustml.judge.in_crate.crate_builds import (
    Places,
    UnfitCrate,
    built_crate,
    folder_of_crate,
    vendor_of_crate,
)
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.insertion import JudgeableSite
from rustml.judge.in_crate.judge import CrateJudge
from rustml.judge.in_crate.sites import SiteNotFound, locate_function
from rustml.judge.judging import Closing
from rustml.judge.limits import Limits
from rustml.judge.verdicts import unjudged_verdict, with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Origin, Status, Verdict

SURE: frozenset[Status] = frozenset({"passed", "wrong", "compile_error", "policy"})
"""Verdicts that are kept: no other load of the machine can have brought them about."""
Key = tuple[Origin, tuple[int, int], CoveringTests]


class CrateProblemJudge(CrateJudge, Closing):
    """Judges candidates with covering tests. A crate is built when the first candidate for it comes, and kept.

    A crate that is not on this machine, or does not build here, is a fault and not the candidate's.
    """

    def __init__(self, places: Places, limits: Limits, verdicts: Path | None = None) -> None:
        """`verdicts` is a folder in which verdicts are kept, under what was judged and the build of its crate.

        Raises SandboxUnavailable or EnvironmentFault where nothing can be judged.
        """
        self._crates = CrateSandbox(limits, places.sandbox)
        super().__init__(self._crates)
        settings = {"limits": vars(limits), "rust": self._crates.tools.digest, "world": "crate"}
        settings["sandbox"] = self._crates.name
        self._kept = Cache(verdicts, settings) if verdicts is not None else None
        self._places, self._lock = places, Lock()
        self._known: dict[Key, JudgeableSite | str] = {}

    def close(self) -> None:
        """End everything that still runs. A second call does nothing."""
        self._crates.close()

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order, those that are known without a compiler."""
        known = {
            number: kept for number, one in enumerate(candidates) if (kept := self._known_verdict(one)) is not None
        }
        due = [one for number, one in enumerate(candidates) if number not in known]
        shown = None if progress is None else lambda done, _total: progress(len(known) + done, len(candidates))
        fresh = iter(super().judge(due, shown))
        verdicts = [known[number] if number in known else next(fresh) for number in range(len(candidates))]
        for number, (one, verdict) in enumerate(zip(candidates, verdicts, strict=True)):
            if number not in known:
                self._keep(one, verdict)
        return verdicts

    def _known_verdict(self, candidate: Candidate) -> Verdict | None:
        place = self.place(candidate)
        if self._kept is None or isinstance(place, Verdict):
            return None
        kept = self._kept.get(candidate, place.crate.folder.name)
        return None if kept is None else with_id(kept, candidate.id)

    def _keep(self, candidate: Candidate, verdict: Verdict) -> None:
        place = self.place(candidate)
        if self._kept is not None and isinstance(place, JudgeableSite) and verdict.status in SURE:
            self._kept.put(candidate, verdict, place.crate.folder.name)

    def place(self, candidate: Candidate) -> JudgeableSite | Verdict:
        """The function of the candidate's problem, with the tests that cover it."""
        if candidate.covering is None or candidate.origin is None:
            raise ValueError(f"{candidate.id} names no function of a crate")
        key = candidate.origin, candidate.span, candidate.covering
        with self._lock:
            if key not in self._known:
                self._known[key] = self._located(*key)
        place = self._known[key]
        if isinstance(place, str):
            return unjudged_verdict(candidate.id, "infrastructure", place, self._crates.name)
        return place

    def _located(self, origin: Origin, span: tuple[int, int], covering: CoveringTests) -> JudgeableSite | str:
        """The site, or why there is none."""
        name = f"crate {origin.name}-{origin.version}"
        try:
            folder = folder_of_crate(origin, self._places)
            vendor = vendor_of_crate(origin, folder, self._places, self._crates)
            crate = built_crate(folder, vendor, self._places, self._crates, tests=True)
            site = locate_function(f"{origin.label}:{span[0]}", origin, span, folder, vendor)
        except (UnfitCrate, SiteNotFound) as fault:
            return f"{name}: {fault}"
        library, test = library_calls(crate)
        if library < 0 or (covering.tests and test < 0):
            return f"{name}: {crate.built.fault or 'its tests do not build'}"
        return JudgeableSite(site, Eligibility.of(covering, library, test), crate)
