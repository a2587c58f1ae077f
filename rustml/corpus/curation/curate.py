"""Keep the harvested files that are worth training on: of good quality, unique, and free of evaluation problems.

Three passes, each on all cores. `filtered`: quality filters, hashes and signatures, one shard at a time. `matched`:
near duplicates over all shards, one band at a time; from these and the hashes follows, in priority order, which file
repeats which. `files`: the remaining files are compared with the banks and written; beside them, where the profile asks
for it, what was dropped.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rustml.corpus.curation.dropped import Losses
from rustml.corpus.curation.duplicates import HASHES, NAMES, SIGNATURES, MatchBand, save_unique, write_verdicts
from rustml.corpus.curation.filters import Quality
from rustml.corpus.report import CurateReport, total
from rustml.errors import InputError
from rustml.profile.curate import CurateSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import SOURCE_FILES, Record, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Step, Summary, Workers, bind_to_plan, merge, run
from rustml.sharding.shards import digest, finished_shards, read_summary, remove_atomically, shard_name
from rustml.similarity import overlap
from rustml.similarity.minhash import SCHEME, Signature, signature, token_hashes
from rustml.similarity.overlap import Protected

STAGES = ("path", "size", "encoding", "lines", "alphanumeric", "generated", "quality", "exact", "near", "contamination")


@dataclass
class Marks:
    """Names, hashes and signatures of the files of a shard: the duplicates follow from them alone."""

    names: list[str]
    hashes: list[bytes]
    signatures: list[Signature]

    def save(self, folder: Path, permutations: int) -> None:
        """Write them beside the shard's files."""
        (folder / NAMES).write_bytes(msgspec.json.encode(self.names))
        np.save(folder / HASHES, np.frombuffer(b"".join(self.hashes), dtype=np.uint8).reshape(-1, 32))
        np.save(folder / SIGNATURES, np.array(self.signatures, dtype=np.uint32).reshape(-1, permutations))


class FilterFiles(Record, frozen=True):
    """The first pass: filter, hash, sign."""

    section: CurateSection
    shards: tuple[str, ...]
    """Folders of the harvest's shards."""

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the files that pass the filters, with their hashes and signatures."""
        losses = Losses(STAGES[:7], keep=self.section.keep_dropped)
        near = self.section.near_duplicates
        marks = Marks([], [], [])

        def signed() -> Iterator[SourceFile]:
            for file in self._passing(index, losses):
                marks.names.append(file.origin.label)
                marks.hashes.append(normalised_hash(file.text))
                marks.signatures.append(signature(token_hashes(file.text), near.shingle_tokens, near.permutations))
                yield file

        count = write_jsonl(folder / SOURCE_FILES, signed())
        marks.save(folder, near.permutations)
        losses.save(folder)
        return Summary(records=count, funnel=losses.funnel.steps())

    def _passing(self, index: int, losses: Losses) -> Iterator[SourceFile]:
        quality = Quality(self.section.quality)
        for file in read_jsonl(Path(self.shards[index]) / SOURCE_FILES, SourceFile):
            for step, check in quality.steps.items():
                reason = check(file)
                if reason is not None:
                    losses.drop(file, step, reason)
                    break
                losses.funnel.keep(step)
            else:
                yield file


class WriteFiles(Record, frozen=True):
    """The third pass: drop duplicates and files that overlap a bank, write the rest."""

    section: CurateSection
    filtered: str
    verdicts: str
    """Folder with one file of verdicts per shard."""
    protected: str
    """JSON Lines of protected texts."""

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one shard of the output."""
        losses = Losses(STAGES[7:], keep=self.section.keep_dropped)
        counts: dict[str, dict[str, float]] = {"bank": {}, "lines": {}, "characters": {"all": 0.0}}
        count = write_jsonl(folder / SOURCE_FILES, self._clean(index, losses, counts))
        losses.save(folder, earlier=Path(self.filtered, shard_name(index)))
        return Summary(records=count, funnel=losses.funnel.steps(), counts=counts)

    def _clean(self, index: int, losses: Losses, counts: dict[str, dict[str, float]]) -> Iterator[SourceFile]:
        guard = overlap.stored(self.protected, self.section.decontamination)
        verdicts = msgspec.json.decode(Path(self.verdicts, f"{shard_name(index)}.json").read_bytes(), type=list[str])
        files = read_jsonl(Path(self.filtered, shard_name(index), SOURCE_FILES), SourceFile)
        for file, verdict in zip(files, verdicts, strict=True):
            if not _unique(file, verdict, losses):
                continue
            banks = guard.banks(file.text)
            if banks:
                losses.drop(file, "contamination", banks[0])
                for bank in banks:
                    counts["bank"][bank] = counts["bank"].get(bank, 0) + 1
                continue
            losses.funnel.keep("contamination")
            _measure(file, counts)
            yield file


def _unique(file: SourceFile, verdict: str, losses: Losses) -> bool:
    """Whether a file repeats no other; counts its verdict: empty, or `exact`/`near` and the file that it repeats."""
    kind, _, other = verdict.partition(" ")
    for step, reason in (("exact", "duplicate"), ("near", "near_duplicate")):
        if kind == step:
            losses.drop(file, step, reason, repeats=other)
            return False
        losses.funnel.keep(step)
    return True


def _measure(file: SourceFile, counts: dict[str, dict[str, float]]) -> None:
    lines = file.text.count("\n") + 1
    bucket = f"<{1 << lines.bit_length():06d}"
    counts["lines"][bucket] = counts["lines"].get(bucket, 0) + 1
    counts["characters"]["all"] += len(file.text)


def curate(
    section: CurateSection,
    source: Path,
    out: Path,
    *,
    protected: Iterable[Protected],
    workers: Workers,
    progress: ProgressCallback = no_progress,
) -> CurateReport:
    """Write shards of SourceFile records below `out/files`, from the harvest in `source`.

    `protected` are the texts of every evaluation bank. Raises InputError when `source` is not a harvest or no file is
    left. A killed run resumes when it is run again, with the same bytes.
    """
    shards = finished_shards(source / "files")
    job = FilterFiles(section=section, shards=tuple(map(str, shards)))
    guarded = overlap.in_order(protected)
    bind_to_plan(out, _plan(section, shards, overlap.digest(guarded)))
    work = out / "work"
    overlap.store(guarded, work / "protected.jsonl")
    match = MatchBand(near=section.near_duplicates, filtered=str(work / "filtered"), unique=str(work / "unique.npy"))
    writer = WriteFiles(
        section=section,
        filtered=str(work / "filtered"),
        verdicts=str(work / "verdicts"),
        protected=str(work / "protected.jsonl"),
    )
    bar = _Bar(progress, 2 * len(shards) + match.shards)
    first = run(job, len(shards), work / "filtered", workers=workers, progress=bar.part())
    save_unique(work / "filtered", work / "unique.npy")
    run(match, match.shards, work / "matched", workers=workers, progress=bar.part())
    write_verdicts(work / "filtered", work / "matched", work / "verdicts")
    second = run(writer, len(shards), out / "files", workers=workers, progress=bar.part())
    remove_atomically(work)
    return _report(first, second)


def _plan(section: CurateSection, shards: Sequence[Path], protected: str) -> dict[str, Any]:
    """What a resumed run has to share with the one that was killed."""
    inputs = [read_summary(shard).digests[SOURCE_FILES] for shard in shards]
    settings = msgspec.to_builtins(section)
    return {"section": settings, "inputs": inputs, "protected": protected, "scheme": SCHEME}


class _Bar:
    """One progress bar for several passes, one after the other."""

    def __init__(self, progress: ProgressCallback, total: int) -> None:
        self._progress, self._total, self._before = progress, total, 0

    def part(self) -> ProgressCallback:
        """The callback of the next pass."""

        def show(done: int, count: int) -> None:
            self._progress(before + done, self._total)
            self._before = before + count

        before = self._before
        return show


def normalised_hash(text: str) -> bytes:
    """SHA-256 of the text, each run of white space replaced by one space: 32 bytes."""
    return hashlib.sha256(" ".join(text.split()).encode()).digest()


def _report(first: list[Summary], second: list[Summary]) -> CurateReport:
    files = sum(summary.records for summary in second)
    if not files:
        raise InputError("curate: no file is left; the funnel says why: " + _losses([*first, *second]))
    banks = {bank: int(count) for bank, count in total(second, "bank").items()}
    return CurateReport(
        files=files,
        characters=int(total(second, "characters")["all"]),
        funnel=merge((summary.funnel for summary in [*first, *second]), STAGES),
        line_counts=total(second, "lines"),
        contaminated=banks,
        digest=digest(second, SOURCE_FILES),
    )


def _losses(summaries: list[Summary]) -> str:
    steps: tuple[Step, ...] = merge(summary.funnel for summary in summaries)
    return "; ".join(f"{step.stage}: {step.dropped}" for step in steps if step.dropped)
