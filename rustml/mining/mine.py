"""Mine problems from a harvest: draft on all cores, drop repeats, let the judge decide, split by crate."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

import msgspec

from rustml.errors import InputError
from rustml.judge.judging import Judging
from rustml.mining import drafts, verify
from rustml.mining.drafts import ProblemDraft
from rustml.mining.report import MineReport
from rustml.profile.curate import CurateSection, Decontamination, NearDuplicates
from rustml.profile.mine import MineSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import SOURCE_FILES, Problem, Record, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, Workers, bind_to_plan, merge, run
from rustml.sharding.shards import finished_shards, read_summary, remove_atomically
from rustml.similarity import overlap
from rustml.similarity.minhash import SCHEME, signature, survivors, token_hashes
from rustml.similarity.overlap import Protected

DRAFTS = "drafts.jsonl"
MINED = "mined"
"""Stem of the output file."""
CHUNK = 512
"""Drafts that are verified at once."""
STEPS = (*drafts.STEPS, "contamination", "near", *verify.STEPS)


class DraftProblems(Record, frozen=True):
    """The job of one shard: draft the problems of its crates, without those that overlap a bank."""

    section: MineSection
    decontamination: Decontamination
    shards: tuple[str, ...]
    """Folders of the harvested shards."""
    protected: str

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the drafts of one shard."""
        funnel = Funnel(STEPS[:4])
        count = write_jsonl(folder / DRAFTS, self._drafts(index, funnel))
        return Summary(records=count, funnel=funnel.steps())

    def _drafts(self, index: int, funnel: Funnel) -> Iterator[ProblemDraft]:
        guard = overlap.stored(self.protected, self.decontamination)
        files = read_jsonl(Path(self.shards[index]) / SOURCE_FILES, SourceFile)
        for (kind, *_), group in groupby(files, lambda file: (file.origin.kind, file.origin.name, file.origin.version)):
            if kind != "crate":
                continue
            for draft in drafts.drafts(list(group), self.section, funnel):
                problem = draft.problem
                banks = guard.banks(problem.instruction) or guard.banks(problem.reference)
                if banks:
                    funnel.drop("contamination", banks[0], problem.id)
                    continue
                funnel.keep("contamination")
                yield draft


def mine(
    section: MineSection,
    curation: CurateSection,
    source: Path,
    out: Path,
    judge: Judging,
    *,
    protected: Iterable[Protected],
    workers: Workers,
    progress: ProgressCallback = no_progress,
) -> MineReport:
    """Write `mined.jsonl`: problems from the harvest in `source`, in its order, all splits in one file.

    Near duplicates and overlap are decided as in `curation`; `protected` are the texts of every problem that is
    measured on. Raises InputError when `source` is not a harvest or no problem is left, JudgeFault when the judge
    fails. A killed run resumes with the shards that it had drafted.
    """
    shards = finished_shards(source / "files")
    guarded = overlap.in_order(protected)
    inputs = [read_summary(shard).digests[SOURCE_FILES] for shard in shards]
    settings = msgspec.to_builtins([section, curation.near_duplicates, curation.decontamination])
    bind_to_plan(out, {"sections": settings, "inputs": inputs, "protected": overlap.digest(guarded), "scheme": SCHEME})
    work = out / "work"
    overlap.store(guarded, work / "protected.jsonl")
    job = DraftProblems(
        section=section,
        decontamination=curation.decontamination,
        shards=tuple(map(str, shards)),
        protected=str(work / "protected.jsonl"),
    )
    summaries = run(job, len(shards), work / "drafts", workers=workers)
    funnel = Funnel(STEPS[4:])
    unique = _unique(_read(work / "drafts", len(shards)), curation.near_duplicates, funnel)
    problems = list(_verified(unique, judge, section, funnel, progress))
    if not problems:
        raise InputError("mine: no problem is left; lower mine.min_strength or harvest more crates")
    write_jsonl(out / f"{MINED}.jsonl", problems)
    remove_atomically(work)
    return MineReport.of(problems, merge([*(summary.funnel for summary in summaries), funnel.steps()], STEPS))


def _read(folder: Path, count: int) -> list[ProblemDraft]:
    paths = [folder / f"{index:05d}" / DRAFTS for index in range(count)]
    return [draft for path in paths for draft in read_jsonl(path, ProblemDraft)]


def _unique(candidates: Sequence[ProblemDraft], near: NearDuplicates, funnel: Funnel) -> list[ProblemDraft]:
    """The drafts whose reference resembles none before it."""
    signatures = [
        signature(token_hashes(draft.problem.reference), near.shingle_tokens, near.permutations) for draft in candidates
    ]
    unique: list[ProblemDraft] = []
    for draft, is_first in zip(candidates, survivors(signatures, near.permutations, near.threshold), strict=True):
        if is_first:
            funnel.keep("near")
            unique.append(draft)
        else:
            funnel.drop("near", "near_duplicate", draft.problem.id)
    return unique


def _verified(
    unique: Sequence[ProblemDraft], judge: Judging, section: MineSection, funnel: Funnel, progress: ProgressCallback
) -> Iterator[Problem]:
    for start in range(0, len(unique), CHUNK):
        for problem in verify.verified(unique[start : start + CHUNK], judge, section, funnel):
            yield msgspec.structs.replace(problem, split=_split(problem.tags["crate"], section))
        progress(min(start + CHUNK, len(unique)), len(unique))


def _split(crate: str, section: MineSection) -> Literal["train", "dev", "test"]:
    """The split of a crate's problems: by a stable hash of its name, so that all its versions are in one split."""
    percent = int.from_bytes(hashlib.sha256(f"mined {crate}".encode()).digest()[:8], "big") / 2**64 * 100
    if percent < section.test_percent:
        return "test"
    return "dev" if percent < section.test_percent + section.dev_percent else "train"
