"""Mine problems from a harvest: draft on all cores, drop repeats, let the judge decide, split by crate.

Of one function there is at most one problem: judged by itself where that can be, else in its crate.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

import msgspec

from rustml.errors import InputError
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.judge.judging import Judging
from rustml.mining import drafts, given, in_crate, verify
from rustml.mining.crate_drafts import FUNCTION, crate_drafts
from rustml.mining.drafts import ProblemDraft
from rustml.mining.given import GivenProblems
from rustml.mining.report import MineReport
from rustml.profile.curate import CurateSection, Decontamination, NearDuplicates
from rustml.profile.mine import MineSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import SOURCE_FILES, Origin, Problem, Record, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, Workers, bind_to_plan, merge, run
from rustml.sharding.shards import finished_shards, read_summary, remove_atomically, shard_name
from rustml.similarity import overlap
from rustml.similarity.minhash import SCHEME, signature, survivors, token_hashes
from rustml.similarity.overlap import Overlap, Protected

DRAFTS = "drafts.jsonl"
CRATE_DRAFTS = "crate_drafts.jsonl"
JUDGED = "judged"
"""Folder of the shards of crates."""
MINED = "mined"
"""Stem of the output file."""
PROTECTED = "protected.jsonl"
"""The texts of the banks that are measured on."""
CHUNK = 512
"""Drafts that are verified at once."""
ALONE = (*drafts.STEPS, "contamination", "near", *verify.STEPS)
CONTAMINATION, NEAR = "in_crate.contamination", "in_crate.near"
INSIDE = (FUNCTION, CONTAMINATION, NEAR, in_crate.CHOSEN, *in_crate.STEPS)
STEPS = (*ALONE, *INSIDE, *given.STEPS)


class DraftProblems(Record, frozen=True):
    """The job of one shard: draft the problems of its crates, without those that overlap a bank."""

    section: MineSection
    decontamination: Decontamination
    shards: tuple[str, ...]
    """Folders of the harvested shards."""
    protected: str

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the drafts of one shard."""
        funnel = Funnel()
        guard = overlap.stored(self.protected, self.decontamination)
        alone = self._alone(index, funnel, guard) if "alone" in self.section.worlds else iter(())
        count = write_jsonl(folder / DRAFTS, alone)
        inside = self._inside(index, funnel, guard) if "crate" in self.section.worlds else iter(())
        count += write_jsonl(folder / CRATE_DRAFTS, inside)
        return Summary(records=count, funnel=funnel.steps())

    def _alone(self, index: int, funnel: Funnel, guard: Overlap) -> Iterator[ProblemDraft]:
        for crate in self._crates(index):
            for draft in drafts.drafts(crate, self.section, funnel):
                if _is_clean(draft.problem, guard, funnel, "contamination"):
                    yield draft

    def _inside(self, index: int, funnel: Funnel, guard: Overlap) -> Iterator[Problem]:
        for crate in self._crates(index):
            for draft in crate_drafts(crate, self.section, funnel):
                if _is_clean(draft, guard, funnel, CONTAMINATION):
                    yield draft

    def _crates(self, index: int) -> Iterator[list[SourceFile]]:
        files = read_jsonl(Path(self.shards[index]) / SOURCE_FILES, SourceFile)
        for (kind, *_), group in groupby(files, lambda file: (file.origin.kind, file.origin.name, file.origin.version)):
            if kind == "crate":
                yield list(group)


def _is_clean(problem: Problem, guard: Overlap, funnel: Funnel, step: str) -> bool:
    """Whether a problem overlaps no bank that is measured on; counted."""
    banks = guard.banks(problem.instruction) or guard.banks(problem.reference)
    if banks:
        funnel.drop(step, banks[0], problem.id)
    else:
        funnel.keep(step)
    return not banks


def nothing(_origin: Origin) -> bool:
    """No file is held out."""
    return False


@dataclass(frozen=True)
class Miner:
    """Mines the harvest in one folder into another."""

    section: MineSection
    curation: CurateSection
    judge: Judging
    places: Places
    limits: Limits
    workers: Workers
    progress: ProgressCallback = no_progress
    crates_progress: ProgressCallback = no_progress
    held_out: Callable[[Origin], bool] = nothing
    """Whether the pairs of a file are held out: a function of it would be trained on and measured with."""
    given: GivenProblems = field(default_factory=GivenProblems)
    """Problems from elsewhere than the harvest."""

    def mine(self, source: Path, out: Path, protected: Iterable[Protected]) -> MineReport:
        """Write `mined.jsonl`: problems from the harvest in `source`, in its order, then those given, in one file.

        Near duplicates and overlap are decided as in `curation`; `protected` are the texts of every problem that is
        measured on. Raises InputError when `source` is not a harvest or no problem is left, JudgeFault when the judge
        fails. A killed run resumes with the shards that it had drafted and the crates that it had judged.
        """
        summaries = self._drafted(source, out, protected)
        work, funnel = out / "work", Funnel()
        problems = list(self._alone(work, len(summaries), funnel))
        problems += self._given(work, problems, funnel)
        crates = self._chosen(work, len(summaries), problems, funnel)
        judged = self._in_crates(work, crates)
        problems += [problem for index in range(len(judged)) for problem in read_jsonl(_problems(work, index), Problem)]
        if not problems:
            raise InputError("mine: no problem is left; lower mine.min_strength or harvest more crates")
        split = [_with_split(problem, self.section) for problem in problems]
        write_jsonl(out / f"{MINED}.jsonl", split)
        remove_atomically(work)
        parts = [*(summary.funnel for summary in (*summaries, *judged)), funnel.steps()]
        return MineReport.of(split, merge(parts, [step for step in STEPS if self._takes(step)]))

    def _takes(self, step: str) -> bool:
        if step in given.STEPS:
            return bool(self.given.problems or self.given.excluded)
        return ("crate" if step in INSIDE else "alone") in self.section.worlds

    def _drafted(self, source: Path, out: Path, protected: Iterable[Protected]) -> list[Summary]:
        """Write the drafts of every shard of the harvest below `out`/work."""
        shards = finished_shards(source / "files")
        guarded = overlap.in_order(protected)
        inputs = [read_summary(shard).digests[SOURCE_FILES] for shard in shards]
        settings = msgspec.to_builtins([self.section, self.curation.near_duplicates, self.curation.decontamination])
        limits = vars(self.limits)
        plan = {"sections": settings, "inputs": inputs, "protected": overlap.digest(guarded), "scheme": SCHEME}
        bind_to_plan(out, plan | {"limits": limits, "given": self.given.digest})
        work = out / "work"
        overlap.store(guarded, work / PROTECTED)
        job = DraftProblems(
            section=self.section,
            decontamination=self.curation.decontamination,
            shards=tuple(map(str, shards)),
            protected=str(work / PROTECTED),
        )
        return run(job, len(shards), work / "drafts", workers=self.workers)

    def _open(self, problems: Sequence[Problem], funnel: Funnel, step: str) -> list[Problem]:
        """Those whose files are not held out; the others are counted at `step`."""
        held_out = [one for one in problems if one.origin is not None and self.held_out(one.origin)]
        for one in held_out:
            funnel.drop(step, "held_out", one.id)
        lost = {one.id for one in held_out}
        return [one for one in problems if one.id not in lost]

    def _alone(self, work: Path, count: int, funnel: Funnel) -> Iterator[Problem]:
        """The problems that stand by themselves."""
        candidates = [draft for path in _files(work, count, DRAFTS) for draft in read_jsonl(path, ProblemDraft)]
        references = self._open([draft.problem for draft in candidates], funnel, "near")
        first = unique(references, self.curation.near_duplicates, funnel, "near")
        chosen = [draft for draft in candidates if draft.problem.id in first]
        for start in range(0, len(chosen), CHUNK):
            yield from verify.verified(chosen[start : start + CHUNK], self.judge, self.section, funnel)
            self.progress(min(start + CHUNK, len(chosen)), len(chosen))

    def _given(self, work: Path, before: Sequence[Problem], funnel: Funnel) -> list[Problem]:
        """The problems from elsewhere that pass the same checks and resemble none of `before`."""
        guard = overlap.stored(str(work / PROTECTED), self.curation.decontamination)
        clean = [one for one in self.given.fit(funnel) if _is_clean(one.problem, guard, funnel, given.CONTAMINATION)]
        first = unique([one.problem for one in clean], self.curation.near_duplicates, funnel, given.NEAR, before=before)
        chosen = [one for one in clean if one.problem.id in first]
        return list(self.given.verified(chosen, self.judge, self.section, funnel))

    def _chosen(self, work: Path, count: int, alone: Sequence[Problem], funnel: Funnel) -> list[list[Problem]]:
        """The drafts that are judged in their crates, by crate, without what is mined alone."""
        mined = {problem.id for problem in alone}
        candidates = [
            draft
            for path in _files(work, count, CRATE_DRAFTS)
            for draft in read_jsonl(path, Problem)
            if draft.id not in mined
        ]
        candidates = self._open(candidates, funnel, NEAR)
        first = unique(candidates, self.curation.near_duplicates, funnel, NEAR, before=alone)
        return in_crate.chosen_drafts([draft for draft in candidates if draft.id in first], self.section, funnel)

    def _in_crates(self, work: Path, crates: Sequence[Sequence[Problem]]) -> list[Summary]:
        """Judge the drafts of each crate in it, one shard per crate."""
        files = [work / "crates" / f"{index:05d}.jsonl" for index in range(len(crates))]
        for path, drafted in zip(files, crates, strict=True):
            write_jsonl(path, drafted)
        job = in_crate.MineCrate(
            section=self.section, drafts=tuple(map(str, files)), places=self.places, limits=self.limits
        )
        return run(job, len(files), work / JUDGED, workers=self.workers, progress=self.crates_progress)


def _files(work: Path, count: int, name: str) -> list[Path]:
    return [work / "drafts" / shard_name(index) / name for index in range(count)]


def _problems(work: Path, index: int) -> Path:
    return work / JUDGED / shard_name(index) / in_crate.PROBLEMS


def unique(
    candidates: Sequence[Problem], near: NearDuplicates, funnel: Funnel, step: str, before: Sequence[Problem] = ()
) -> set[str]:
    """Ids of those whose reference resembles none before it, nor one of `before`; counted at `step`."""
    everything = [*before, *candidates]
    signatures = [signature(token_hashes(one.reference), near.shingle_tokens, near.permutations) for one in everything]
    first = survivors(signatures, near.permutations, near.threshold)
    ids: set[str] = set()
    for problem, is_first in list(zip(everything, first, strict=True))[len(before) :]:
        if is_first:
            funnel.keep(step)
            ids.add(problem.id)
        else:
            funnel.drop(step, "near_duplicate", problem.id)
    return ids


def _with_split(problem: Problem, section: MineSection) -> Problem:
    if problem.tags["kind"] == given.OWN:
        return problem
    return msgspec.structs.replace(problem, split=_split(problem.tags["crate"], section))


def _split(crate: str, section: MineSection) -> Literal["train", "dev", "test"]:
    """The split of a crate's problems: by a stable hash of its name, so that all its versions are in one split."""
    percent = int.from_bytes(hashlib.sha256(f"mined {crate}".encode()).digest()[:8], "big") / 2**64 * 100
    if percent < section.test_percent:
        return "test"
    return "dev" if percent < section.test_percent + section.dev_percent else "train"
