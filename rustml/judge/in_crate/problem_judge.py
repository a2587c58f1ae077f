"""Verdicts on answers to problems that are judged in their crates, by the tests that the problem names."""

from threading import Lock

from rustml.covering_tests import CoveringTests
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
from rustml.judge.in_crate.insertion import SANDBOX, JudgeableSite
from rustml.judge.in_crate.judge import CrateJudge
from rustml.judge.in_crate.sites import SiteNotFound, locate_function
from rustml.judge.judging import Closing
from rustml.judge.limits import Limits
from rustml.judge.verdicts import unjudged_verdict
from rustml.records import Candidate, Origin, Verdict

Key = tuple[Origin, tuple[int, int], CoveringTests]


class CrateProblemJudge(CrateJudge, Closing):
    """Judges candidates with covering tests. A crate is built when the first candidate for it comes, and kept.

    A crate that is not on this machine, or does not build here, is a fault and not the candidate's.
    """

    def __init__(self, places: Places, limits: Limits) -> None:
        """Raises SandboxUnavailable or EnvironmentFault where nothing can be judged."""
        self._crates = CrateSandbox(limits)
        super().__init__(self._crates)
        self._places, self._lock = places, Lock()
        self._known: dict[Key, JudgeableSite | str] = {}

    def close(self) -> None:
        """End everything that still runs. A second call does nothing."""
        self._crates.close()

    def place(self, candidate: Candidate) -> JudgeableSite | Verdict:
        """The function of the candidate's problem, with the tests that cover it."""
        if candidate.covering is None or candidate.origin is None:
            raise ValueError(f"{candidate.id} names no function of a crate")
        key = candidate.origin, candidate.span, candidate.covering
        with self._lock:
            if key not in self._known:
                self._known[key] = self._located(*key)
        place = self._known[key]
        return unjudged_verdict(candidate.id, "infrastructure", place, SANDBOX) if isinstance(place, str) else place

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
