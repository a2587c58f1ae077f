"""Build the training files: extract on all cores, then check the splits and mix in one streaming pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rustml.errors import InputError
from rustml.io import file_sha256
from rustml.pairs import pools
from rustml.pairs.make_pairs import ExtractPairs
from rustml.pairs.mix_and_split import MixAndSplit
from rustml.pairs.report import PairsReport
from rustml.profile.pairs import PairsSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import SOURCE_FILES
from rustml.sharding import Workers, bind_to_plan, run
from rustml.sharding.shards import finished_shards, read_summary, remove_atomically
from rustml.similarity import overlap
from rustml.similarity.minhash import SCHEME
from rustml.similarity.overlap import Protected
from rustml.tasks import EDIT_TASKS, TASKS


@dataclass(frozen=True)
class Besides:
    """What records come from besides the curated files."""

    bank: Path | None = None
    """Output of the `bank` stage, for pools from it."""
    edits: Path | None = None
    """File of verified changes."""


NOTHING = Besides()


def build(
    section: PairsSection,
    source: Path,
    out: Path,
    *,
    protected: Iterable[Protected],
    workers: Workers,
    seed: int = 0,
    besides: Besides = NOTHING,
    progress: ProgressCallback = no_progress,
) -> PairsReport:
    """Write Pair records: `train`, `validation`, `holdout`, `general_holdout` and `raw`, each a `.jsonl` file.

    `source` is a curated corpus, `protected` the texts of every evaluation bank. Raises InputError when `source` is not
    a corpus, a task is unknown, or a required pool is missing. Killed and run again, it resumes, and ends with the same
    bytes.
    """
    refuse_unknown_tasks(section, edits=besides.edits is not None)
    domain, anchors = pools.domain(section, besides.bank), pools.anchors(section, besides.bank)
    shards = finished_shards(source / "files")
    guarded = overlap.in_order(protected)
    inputs = [read_summary(shard).digests[SOURCE_FILES] for shard in shards]
    inputs += [file_sha256(besides.edits)] if besides.edits else []
    plan = {"section": msgspec.to_builtins(section), "inputs": inputs, "seed": seed, "scheme": SCHEME}
    bind_to_plan(out, plan | {"protected": overlap.digest(guarded)})
    work = out / "work"
    overlap.store(guarded, work / "protected.jsonl")
    job = ExtractPairs(
        section=section,
        shards=tuple(map(str, shards)),
        protected=str(work / "protected.jsonl"),
        edits=str(besides.edits or ""),
    )
    extracted = work / "extracted"
    summaries = run(job, job.count, extracted, workers=workers, progress=progress)
    report = MixAndSplit(section, extracted, out, seed).write(summaries, domain, anchors)
    remove_atomically(work)
    return report


def refuse_unknown_tasks(section: PairsSection, *, edits: bool) -> None:
    """Raise InputError for a key of `pairs.tasks` that is not a task category, or that needs `edits` and lacks them."""
    unknown = sorted(set(section.tasks) - set(TASKS))
    if unknown:
        raise InputError(f"pairs.tasks: no such task {', '.join(unknown)}; known: {', '.join(TASKS)}")
    lacking = [name for name in EDIT_TASKS if section.tasks.get(name, 0.0) > 0]
    if lacking and not edits:
        raise InputError(
            f"pairs.tasks.{lacking[0]} has a weight, and its records come from verified changes: run `edits`, and give "
            "its run to `pairs -P edits=RUN`, or set the weight to 0"
        )
