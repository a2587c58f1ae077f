"""From extracted records to the files that training reads: unique, split without leaks, mixed with anchors."""

import hashlib
import heapq
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from rustml.pairs.anchors import Anchors
from rustml.pairs.interleave import achieved, interleave, wanted
from rustml.pairs.make_pairs import FILE_MARKS, FUNCTION_MARKS, MARKS, PAIRS, PIECE_MARKS, RAW, STAGES, Marks
from rustml.pairs.report import PairsReport
from rustml.pairs.split import Part, fraction
from rustml.profile.pairs import PairsSection
from rustml.records import Pair, read_jsonl, write_jsonl
from rustml.sharding import Funnel, Summary, merge
from rustml.sharding.shards import finished_shards
from rustml.similarity.minhash import Index
from rustml.similarity.overlap import stored

CHECKS = ("unique", "split")
HELD_SHARE = 0.1
"""Most that is held out of an anchor pool."""


class Assembly:
    """One pass over what was extracted. Memory holds hashes and the signatures of held-out files, no texts."""

    def __init__(self, section: PairsSection, extracted: Path, out: Path, seed: int) -> None:
        self._section, self._out, self._seed = section, out, seed
        self._shards = finished_shards(extracted)
        self._work = extracted.parent
        self._funnel = Funnel(CHECKS)
        self._tasks: dict[str, int] = {}
        self._lengths: dict[str, int] = {}
        self._contaminated: dict[str, int] = {}

    def write(self, summaries: Sequence[Summary], anchors: Anchors) -> PairsReport:
        """Write all parts and report them."""
        held = self._held_index()
        tainted = self._tainted_files(held)
        leaking = self._leaking_functions(held)
        parts = {part: self._write_part(part, tainted, leaking) for part in ("validation", "holdout")}
        parts["domain"] = self._write_part("train", tainted, leaking)
        parts["raw"] = self._write_raw(held, tainted)
        pools, short, parts["general_holdout"] = self._write_anchors(anchors, parts["domain"])
        parts["train"] = self._write_train(pools, parts["domain"])
        for summary in summaries:
            for bank, count in summary.counts["contaminated"].items():
                self._contaminated[bank] = self._contaminated.get(bank, 0) + int(count)
        return PairsReport(
            parts={name: parts[name] for name in ("train", "validation", "holdout", "general_holdout", "raw")},
            tasks=dict(sorted(self._tasks.items())),
            pools=pools,
            achieved=achieved(parts["domain"], pools),
            short=short,
            lengths=dict(sorted(self._lengths.items())),
            funnel=merge([*(summary.funnel for summary in summaries), self._funnel.steps()], (*STAGES, *CHECKS)),
            contaminated=dict(sorted(self._contaminated.items())),
            digest=self._digest(),
        )

    def _held_index(self) -> Index:
        """Signatures of held-out files, functions and pieces."""
        near = self._section.near_duplicates
        index = Index(near.permutations, near.threshold)
        for shard in self._shards:
            marks = _marks(shard)
            parts = {
                FILE_MARKS: [part for _, part in marks.files],
                FUNCTION_MARKS: [part for _, part in marks.functions],
                PIECE_MARKS: [part for _, part, _ in marks.pieces],
            }
            for file, own in parts.items():
                for number, (row, part) in enumerate(zip(np.load(shard / file), own, strict=True)):
                    if part == "holdout":
                        index.add(f"{shard.name}/{file}/{number}", row)
        return index

    def _tainted_files(self, held: Index) -> set[str]:
        """Keys of files outside the hold-out that nearly repeat a held-out file: checked, not assumed."""
        tainted: set[str] = set()
        for shard in self._shards:
            for row, (key, part) in zip(np.load(shard / FILE_MARKS), _marks(shard).files, strict=True):
                if part != "holdout" and held.matches(row):
                    tainted.add(key)
        return tainted

    def _leaking_functions(self, held: Index) -> set[tuple[str, int]]:
        """Shard and number of functions outside the hold-out that nearly repeat a held-out one."""
        leaking: set[tuple[str, int]] = set()
        for shard in self._shards:
            rows = np.load(shard / FUNCTION_MARKS)
            for number, (row, (_, part)) in enumerate(zip(rows, _marks(shard).functions, strict=True)):
                if part != "holdout" and held.matches(row):
                    leaking.add((shard.name, number))
        return leaking

    def _write_part(self, part: Part, tainted: set[str], leaking: set[tuple[str, int]]) -> int:
        path = self._work / "domain.jsonl" if part == "train" else self._out / f"{part}.jsonl"
        return write_jsonl(path, self._domain(part, tainted, leaking))

    def _domain(self, part: Part, tainted: set[str], leaking: set[tuple[str, int]]) -> Iterator[Pair]:
        """The pairs of one part, each once, none that repeats the hold-out."""
        seen: set[bytes] = set()
        for shard in self._shards:
            marks = _marks(shard)
            for pair, number in zip(read_jsonl(shard / PAIRS, Pair), marks.pairs, strict=True):
                key, own = marks.functions[number]
                if own != part:
                    continue
                if _repeats(pair, seen):
                    self._funnel.drop("unique", "duplicate", f"{pair.task} {key}")
                    continue
                self._funnel.keep("unique")
                if key in tainted or (shard.name, number) in leaking:
                    self._funnel.drop("split", "near_holdout", f"{pair.task} {key}")
                    continue
                self._funnel.keep("split")
                self._measure(pair)
                yield pair

    def _measure(self, pair: Pair) -> None:
        self._tasks[pair.task] = self._tasks.get(pair.task, 0) + 1
        bucket = f"<{1 << (len(pair.instruction) + len(pair.answer)).bit_length():06d}"
        self._lengths[bucket] = self._lengths.get(bucket, 0) + 1

    def _write_raw(self, held: Index, tainted: set[str]) -> int:
        """Raw pieces of training files, in corpus order, drawn without replacement by their files' weights.

        Each piece draws an exponential variate over its weight from its hash, and the smallest are kept (Efraimidis and
        Spirakis, "Weighted random sampling with a reservoir", 2006).
        """
        chosen: list[tuple[float, str]] = []
        seen: set[bytes] = set()
        for shard in self._shards:
            labels = _marks(shard).pieces
            rows = np.load(shard / PIECE_MARKS)
            for pair, row, (key, part, weight) in zip(read_jsonl(shard / RAW, Pair), rows, labels, strict=True):
                if part == "train" and key not in tainted and not _repeats(pair, seen) and not held.matches(row):
                    chosen.append((-math.log1p(-fraction("raw", pair.id)) / weight, pair.id))
        kept = {name for _, name in heapq.nsmallest(self._section.raw_pieces or len(chosen), chosen)}
        pairs = (pair for shard in self._shards for pair in read_jsonl(shard / RAW, Pair) if pair.id in kept)
        return write_jsonl(self._out / "raw.jsonl", pairs)

    def _write_anchors(self, anchors: Anchors, pairs: int) -> tuple[dict[str, int], dict[str, int], int]:
        """Bring each pool, hold some out, keep what the mix asks for; return kept, lacking and held counts."""
        shares = {name: self._section.anchors[name].share for name in anchors.names}
        asked = wanted(pairs, self._section.anchors_per_pair, shares)
        kept: dict[str, int] = {}
        held: list[Path] = []
        seen: set[bytes] = set()
        for name in anchors.names:
            pool = self._work / f"pool-{name}.jsonl"
            size = write_jsonl(pool, self._clean(name, anchors, seen))
            out = _held_ids(pool, min(self._section.general_holdout, int(size * HELD_SHARE)))
            held.append(self._work / f"held-{name}.jsonl")
            write_jsonl(held[-1], (pair for pair in read_jsonl(pool, Pair) if pair.id in out))
            left = (pair for pair in read_jsonl(pool, Pair) if pair.id not in out)
            kept[name] = write_jsonl(self._work / f"anchor-{name}.jsonl", islice(left, asked[name]))
        count = write_jsonl(
            self._out / "general_holdout.jsonl", (pair for path in held for pair in read_jsonl(path, Pair))
        )
        return kept, {name: asked[name] - kept[name] for name in kept if asked[name] > kept[name]}, count

    def _clean(self, name: str, anchors: Anchors, seen: set[bytes]) -> Iterator[Pair]:
        """A pool without what it or an earlier pool held already, and without what overlaps a bank."""
        overlap = stored(str(self._work / "protected.jsonl"), self._section.decontamination)
        for pair in anchors.read(name, self._out / "raw.jsonl"):
            banks = overlap.banks(f"{pair.instruction}\n{pair.answer}")
            for bank in banks:
                self._contaminated[bank] = self._contaminated.get(bank, 0) + 1
            if not banks and not _repeats(pair, seen):
                yield pair

    def _write_train(self, pools: dict[str, int], pairs: int) -> int:
        files = [self._work / "domain.jsonl", *(self._work / f"anchor-{name}.jsonl" for name in pools)]
        weights = [float(pairs), *(float(count) for count in pools.values())]
        streams = [read_jsonl(file, Pair) for file in files]
        mixed = interleave(streams, self._section.interleave, weights, self._seed)
        return write_jsonl(self._out / "train.jsonl", mixed)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in ("train", "validation", "holdout", "general_holdout", "raw"):
            with (self._out / f"{name}.jsonl").open("rb") as data:
                digest.update(hashlib.file_digest(data, "sha256").digest())
        return digest.hexdigest()


def _marks(shard: Path) -> Marks:
    return msgspec.json.decode((shard / MARKS).read_bytes(), type=Marks)


def _repeats(pair: Pair, seen: set[bytes]) -> bool:
    """Whether a pair of this task with this content was there; where the answer is a name, the question counts too."""
    anchor = pair.task.startswith("anchor_")
    content = pair.answer if "\n" in pair.answer and not anchor else f"{pair.instruction}\0{pair.answer}"
    task = "anchor" if anchor else pair.task
    digest = hashlib.sha256(f"{task}\0{' '.join(content.split())}".encode()).digest()
    if digest in seen:
        return True
    seen.add(digest)
    return False


def _held_ids(pool: Path, count: int) -> set[str]:
    hashed = ((fraction("general", pair.id), pair.id) for pair in read_jsonl(pool, Pair))
    return {name for _, name in heapq.nsmallest(count, hashed)}
