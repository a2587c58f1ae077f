"""From extracted records to the files that training reads: unique, split without leaks, mixed with anchors."""

import hashlib
import heapq
import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from rustml.io import file_sha256
from rustml.pairs.holdout_check import HoldoutCheck, read_marks
from rustml.pairs.interleave import achieved, interleave, wanted
from rustml.pairs.make_pairs import PAIRS, PIECE_MARKS, RAW, STAGES
from rustml.pairs.pools import Pools
from rustml.pairs.report import PairsReport
from rustml.pairs.split import PARTS, Part, fraction
from rustml.profile.pairs import ANCHOR, DOMAIN, PairsSection
from rustml.records import Pair, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, merge
from rustml.sharding.shards import finished_shards
from rustml.similarity.minhash import signature, token_hashes
from rustml.similarity.overlap import stored

CHECKS = ("unique", "split")
POOLS = "pools.jsonl"
"""Records of the domain pools, in the working folder."""
MAX_HELD_SHARE = 0.1
"""Largest share of an anchor pool that is held out."""


class MixAndSplit:
    """One pass over what was extracted. Memory holds hashes and the signatures of held-out files, no texts."""

    def __init__(self, section: PairsSection, extracted: Path, out: Path, seed: int) -> None:
        self._section, self._out, self._seed = section, out, seed
        self._shards = finished_shards(extracted)
        self._work = extracted.parent
        self._holdout = HoldoutCheck(self._shards, section.near_duplicates)
        self._funnel = Funnel(CHECKS)
        self._tasks: dict[str, int] = {}
        self._lengths: dict[str, int] = {}
        self._contaminated: dict[str, int] = {}

    def write(self, summaries: Sequence[Summary], domain_pools: Pools, anchors: Pools) -> PairsReport:
        """Write all parts and report them."""
        self._write_pools(domain_pools)
        parts = {"validation": self._write_part("validation"), "holdout": self._write_part("holdout")}
        domain = self._write_domain()
        parts["raw"] = self._write_raw()
        pools, short, parts["general_holdout"] = self._write_anchors(anchors, sum(domain))
        parts["train"] = self._write_train(pools, domain)
        for summary in summaries:
            for bank, count in summary.counts["contaminated"].items():
                self._contaminated[bank] = self._contaminated.get(bank, 0) + int(count)
        return PairsReport(
            parts={name: parts[name] for name in PARTS},
            tasks=dict(sorted(self._tasks.items())),
            pools=pools,
            achieved=achieved(sum(domain), pools),
            short=short,
            lengths=dict(sorted(self._lengths.items())),
            funnel=merge([*(summary.funnel for summary in summaries), self._funnel.steps()], (*STAGES, *CHECKS)),
            contaminated=dict(sorted(self._contaminated.items())),
            digest=self._digest(),
        )

    def _write_pools(self, pools: Pools) -> None:
        """Write the records of all domain pools, each once, without what overlaps a bank or repeats the hold-out."""
        near = self._section.near_duplicates
        seen: set[bytes] = set()

        def records() -> Iterator[Pair]:
            for pair in chain.from_iterable(self._clean(name, pools, seen) for name in pools.names):
                row = signature(token_hashes(pair.answer), near.shingle_tokens, near.permutations)
                if self._holdout.repeats(row):
                    self._funnel.drop("split", "near_holdout", f"{pair.task} {pair.origin.label}")
                    continue
                self._funnel.keep("split")
                self._measure(pair)
                yield pair

        write_jsonl(self._work / POOLS, records())

    def _pooled(self, part: Part) -> Iterator[Pair]:
        """The records of domain pools for training or for validation; the hold-out is of whole files alone."""
        for pair in read_jsonl(self._work / POOLS, Pair):
            held = fraction("validation", pair.id) * 100 < self._section.validation_percent
            if part == ("validation" if held else "train"):
                yield pair

    def _write_part(self, part: Part) -> int:
        return write_jsonl(self._out / f"{part}.jsonl", chain(self._unique(part), self._pooled(part)))

    def _write_domain(self) -> tuple[int, int]:
        """Write the training pairs, each once, and the further copies of those whose task weighs more; count both."""
        once = write_jsonl(self._work / "domain.jsonl", chain(self._unique("train"), self._pooled("train")))
        return once, write_jsonl(self._work / "copies.jsonl", self._copies())

    def _copies(self) -> Iterator[Pair]:
        """Second copies of pairs, then third ones: as many as the task's weight says, a fraction of them by hash."""
        weights = self._section.tasks
        for number in range(1, math.ceil(max(weights.values(), default=0.0))):
            for pair in read_jsonl(self._work / "domain.jsonl", Pair):
                if fraction("copy", pair.id) < weights.get(pair.task, 1.0) - number:
                    yield pair

    def _unique(self, part: Part) -> Iterator[Pair]:
        """The pairs of one part, each once, without those that repeat the hold-out."""
        seen: set[bytes] = set()
        for shard in self._shards:
            marks = read_marks(shard)
            for pair, number in zip(read_jsonl(shard / PAIRS, Pair), marks.pairs, strict=True):
                key, part_of_file = marks.functions[number]
                if part_of_file != part:
                    continue
                if _repeats(pair, seen):
                    self._funnel.drop("unique", "duplicate", f"{pair.task} {key}")
                    continue
                self._funnel.keep("unique")
                if key in self._holdout.files or (shard.name, number) in self._holdout.functions:
                    self._funnel.drop("split", "near_holdout", f"{pair.task} {key}")
                    continue
                self._funnel.keep("split")
                self._measure(pair)
                yield pair

    def _measure(self, pair: Pair) -> None:
        self._tasks[pair.task] = self._tasks.get(pair.task, 0) + 1
        bucket = f"<{1 << (len(pair.instruction) + len(pair.answer)).bit_length():06d}"
        self._lengths[bucket] = self._lengths.get(bucket, 0) + 1

    def _write_raw(self) -> int:
        """Raw pieces of training files, in corpus order, drawn without replacement by their files' weights.

        Each piece draws an exponential variate over its weight from its hash, and the smallest are written (Efraimidis
        and Spirakis, "Weighted random sampling with a reservoir", 2006).
        """
        keyed: list[tuple[float, str]] = []
        seen: set[bytes] = set()
        for shard in self._shards:
            labels = read_marks(shard).pieces
            rows = np.load(shard / PIECE_MARKS)
            for pair, row, (key, part, weight) in zip(read_jsonl(shard / RAW, Pair), rows, labels, strict=True):
                trainable = part == "train" and key not in self._holdout.files
                if trainable and not _repeats(pair, seen) and not self._holdout.repeats(row):
                    keyed.append((-math.log1p(-fraction("raw", pair.id)) / weight, pair.id))
        names = {name for _, name in heapq.nsmallest(self._section.raw_pieces or len(keyed), keyed)}
        pairs = (pair for shard in self._shards for pair in read_jsonl(shard / RAW, Pair) if pair.id in names)
        return write_jsonl(self._out / "raw.jsonl", pairs)

    def _write_anchors(self, anchors: Pools, pairs: int) -> tuple[dict[str, int], dict[str, int], int]:
        """Read each pool, hold some records out, write what the mix needs.

        Returns the records written and the records lacking, by pool, and the number of held-out records.
        """
        shares = {name: self._section.anchors[name].share for name in anchors.names}
        limits = wanted(pairs, self._section.anchors_per_pair, shares)
        written: dict[str, int] = {}
        held_files: list[Path] = []
        seen: set[bytes] = set()
        for name in anchors.names:
            pool = self._work / f"pool-{name}.jsonl"
            size = write_jsonl(pool, self._clean(name, anchors, seen))
            holdout_ids = _held_ids(pool, min(self._section.general_holdout, int(size * MAX_HELD_SHARE)))
            held_files.append(self._work / f"held-{name}.jsonl")
            write_jsonl(held_files[-1], (pair for pair in read_jsonl(pool, Pair) if pair.id in holdout_ids))
            others = (pair for pair in read_jsonl(pool, Pair) if pair.id not in holdout_ids)
            written[name] = write_jsonl(self._work / f"anchor-{name}.jsonl", islice(others, limits[name]))
        general = (pair for path in held_files for pair in read_jsonl(path, Pair))
        count = write_jsonl(self._out / "general_holdout.jsonl", general)
        short = {name: limits[name] - written[name] for name in written if limits[name] > written[name]}
        return written, short, count

    def _clean(self, name: str, pools: Pools, seen: set[bytes]) -> Iterator[Pair]:
        """A pool without repeated records, also of an earlier pool, and without what overlaps a bank."""
        overlap = stored(str(self._work / "protected.jsonl"), self._section.decontamination)
        for pair in pools.read(name, self._out / "raw.jsonl"):
            banks = overlap.banks(f"{pair.instruction}\n{pair.answer}")
            for bank in banks:
                self._contaminated[bank] = self._contaminated.get(bank, 0) + 1
            if not banks and not _repeats(pair, seen):
                yield pair

    def _write_train(self, pools: dict[str, int], domain: tuple[int, int]) -> int:
        """Interleave the pairs, their further copies and the anchors."""
        names = ["domain", "copies", *(f"anchor-{name}" for name in pools)]
        weights = [float(count) for count in (*domain, *pools.values())]
        streams = [read_jsonl(self._work / f"{name}.jsonl", Pair) for name in names]
        mixed = interleave(streams, self._section.interleave, weights, self._seed)
        return write_jsonl(self._out / "train.jsonl", mixed)

    def _digest(self) -> str:
        digests = [bytes.fromhex(file_sha256(self._out / f"{name}.jsonl")) for name in PARTS]
        return hashlib.sha256(b"".join(digests)).hexdigest()


def _repeats(pair: Pair, seen: set[bytes]) -> bool:
    """Whether a pair of this task with this content was seen; where the answer is a name, the question counts too."""
    anchor, pooled = pair.task.startswith(ANCHOR), pair.task.startswith((ANCHOR, DOMAIN))
    content = pair.answer if "\n" in pair.answer and not pooled else f"{pair.instruction}\0{pair.answer}"
    task = "anchor" if anchor else pair.task
    digest = hashlib.sha256(f"{task}\0{' '.join(content.split())}".encode()).digest()
    if digest in seen:
        return True
    seen.add(digest)
    return False


def _held_ids(pool: Path, count: int) -> set[str]:
    hashed = ((fraction("general", pair.id), pair.id) for pair in read_jsonl(pool, Pair))
    return {name for _, name in heapq.nsmallest(count, hashed)}
