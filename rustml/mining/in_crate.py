"""The work on one crate whose functions become problems that are judged in it; and the choice of drafts."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places, UnfitCrate, built_crate, folder_of_crate, vendor_of_crate
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.mining import verify_in_crate
from rustml.mining.verify_in_crate import CrateVerifier
from rustml.profile.mine import MineSection
from rustml.records import Problem, Record, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary

CHOSEN, CRATE = "in_crate.chosen", "in_crate.crate"
STEPS = (CRATE, *verify_in_crate.STEPS)
"""Steps of the funnel of one crate."""
PROBLEMS = "problems.jsonl"
"""File of a crate's shard."""
RUNS = 2
"""Tests of one crate that run at once: most of their time is the start of a sandbox."""


class MineCrate(Record, frozen=True):
    """The job: one shard per crate."""

    section: MineSection
    drafts: tuple[str, ...]
    """A file of drafts per crate."""
    places: Places
    limits: Limits

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the problems of one crate; why a draft is none is counted."""
        drafts = list(read_jsonl(Path(self.drafts[index]), Problem))
        funnel = Funnel(STEPS)
        try:
            problems = self._problems(drafts, funnel)
        except UnfitCrate as reason:
            funnel.drop(CRATE, str(reason), drafts[0].tags["crate"], len(drafts))
            problems = []
        return Summary(records=write_jsonl(folder / PROBLEMS, problems), funnel=funnel.steps())

    def _problems(self, drafts: Sequence[Problem], funnel: Funnel) -> list[Problem]:
        """The problems of a crate. Raises UnfitCrate where it cannot be built, JudgeFault where the sandbox fails."""
        origin = drafts[0].origin
        assert origin is not None, "a draft is made from a file"
        source = folder_of_crate(origin, self.places)
        sandbox = CrateSandbox(self.limits, self.places.sandbox)
        try:
            vendor = vendor_of_crate(origin, source, self.places, sandbox)
            crate = built_crate(source, vendor, self.places, sandbox, tests=True)
            if crate.built.fault:
                raise UnfitCrate("crate_does_not_build")
            funnel.keep(CRATE, len(drafts))
            with ThreadPoolExecutor(RUNS, thread_name_prefix="mine-runs") as runs:
                return CrateVerifier(crate, vendor, sandbox, self.section, funnel).problems(drafts, source, runs)
        finally:
            sandbox.close()


def chosen_drafts(drafts: Sequence[Problem], section: MineSection, funnel: Funnel) -> list[list[Problem]]:
    """The drafts of each crate that are judged: by a stable hash of the crate's name, then of the draft."""
    crates: dict[tuple[str, str], list[Problem]] = {}
    for draft in drafts:
        assert draft.origin is not None, "a draft is made from a file"
        crates.setdefault((draft.origin.name, draft.origin.version), []).append(draft)
    names = sorted(crates, key=lambda crate: hashlib.sha256(f"mine {crate[0]}".encode()).digest())
    for name in names[section.crates or len(names) :]:
        funnel.drop(CHOSEN, "crate_not_chosen", name[0], len(crates[name]))
    chosen: list[list[Problem]] = []
    for name in names[: section.crates or len(names)]:
        by_hash = sorted(crates[name], key=lambda draft: draft.id)
        most = section.functions_per_crate or len(by_hash)
        chosen.append(sorted(by_hash[:most], key=lambda draft: (draft.origin.path if draft.origin else "", draft.span)))
        funnel.keep(CHOSEN, len(chosen[-1]))
        if by_hash[most:]:
            funnel.drop(CHOSEN, "more_than_functions_per_crate", name[0], len(by_hash[most:]))
    return chosen
