"""The corpus stages on a Cargo directory source: time and memory of each, near-dedup and extraction side by side.

`python -m benchmarks.corpus [--directory /usr/share/cargo/registry] [--workers 2] [--kill]` runs the profile `debian`
on the crates that the packages of scripts/corpus-debian.txt bring in. Prints each row of the table when it is measured.
CPU seconds count every process of a stage and no other; wall seconds and MB/s need a quiet one.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
import psutil
from datasketch import MinHash, MinHashLSH

from rustml.banks.families import draw
from rustml.corpus.curation.curate import curate
from rustml.corpus.harvest import harvest
from rustml.pairs.build import build
from rustml.profile import load
from rustml.records import SourceFile, read_jsonl
from rustml.rust.functions import parse, parses
from rustml.similarity.bands import alike, repeated, signature_rows
from rustml.similarity.minhash import SCHEME, SEED, Signature, bands, shingle_hash, signature, token_hashes
from rustml.similarity.overlap import Protected
from rustml.similarity.tokens import tokens

SAMPLE = 2000
"""Harvested files on which near-dedup is compared, spread evenly over the crates; `--files 0` takes all."""
INTERVAL = 0.05
TARGETS = {"seconds": 60, "MiB": 2048, "times": 10, "MB/s": 8}
KILLED_AT = ("harvest/files/00003", "curate/work/filtered/00002", "curate/work/matched/00005", "curate/files/00001",
             "pairs/work/extracted/00002", "pairs/work/domain.jsonl")  # fmt: skip
Row = tuple[str, str, str]


class Meter:
    """What a stretch of work takes, worker processes included; the figures are there when it is left.

    Workers are forked by a server of their own, so that `getrusage` does not count them: a thread looks at the whole
    tree of processes twenty times a second. What a process does after the last look at it is missed.
    """

    def __init__(self) -> None:
        self.wall = 0.0
        self.peak = 0
        """Bytes, all processes together; what they share counts for each."""
        self._seconds: dict[tuple[int, float], float] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def cpu(self) -> float:
        """Seconds of all processes, user and system."""
        return sum(seconds - self._before.get(key, 0.0) for key, seconds in self._seconds.items())

    def __enter__(self) -> Self:
        self._look()
        self._before = dict(self._seconds)
        self._started = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._started
        self._over.set()
        self._thread.join()
        self._look()

    def __str__(self) -> str:
        return f"{self.wall:.1f} s wall, {self.cpu:.1f} s CPU"

    def _watch(self) -> None:
        while not self._over.wait(INTERVAL):
            self._look()

    def _look(self) -> None:
        own = psutil.Process()
        resident = 0
        for process in [own, *own.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                spent = process.cpu_times()
                resident += process.memory_info().rss
                self._seconds[process.pid, process.create_time()] = spent.user + spent.system
        self.peak = max(self.peak, resident)


def guarded() -> list[Protected]:
    """The tiny families' held-out problems, against which files and pairs are decontaminated."""
    drawn = [problem for language in ("rust", "python") for problem in draw(language, "test", 300, 17)]
    return [
        Protected(bank=problem.bank, text=text)
        for problem in drawn
        for text in (problem.instruction, problem.reference)
    ]


def stages(directory: str, workers: int, work: Path) -> Iterator[Row]:
    """Run the three stages and yield (what, figures, what came of it)."""
    profile, protected = load("debian"), guarded()
    section = msgspec.structs.replace(profile.harvest, directory=directory)
    meters: list[Meter] = []

    def measured(name: str, stage: Callable[[], str]) -> Row:
        with Meter() as meter:
            made = stage()
        meters.append(meter)
        return name, str(meter), made

    def harvested() -> str:
        report = harvest(section, work / "harvest", workers=workers, cache=work / "cache")
        return f"{report.crates} crates of {report.crates + report.refused}, {report.files} files"

    def curated() -> str:
        report = curate(profile.curate, work / "harvest", work / "curate", protected=protected, workers=workers)
        return f"{report.files} files, {report.characters / 1e6:.1f} M characters"

    def paired() -> str:
        report = build(profile.pairs, work / "curate", work / "pairs", protected=protected, workers=workers)
        return ", ".join(f"{count} {part}" for part, count in report.parts.items())

    yield measured("harvest", harvested)
    yield measured("curate", curated)
    yield measured("pairs", paired)
    wall, peak = sum(meter.wall for meter in meters), max(meter.peak for meter in meters) / 2**20
    cpu = sum(meter.cpu for meter in meters)
    yield "all three", f"{wall:.1f} s wall, {cpu:.1f} s CPU", f"{workers} workers; target {TARGETS['seconds']} s on two"
    yield "peak memory", f"{peak:.0f} MiB", f"resident, all processes together; target {TARGETS['MiB']} MiB"


def one_by_one(text: str, hashfunc: Callable[[bytes], int] | None) -> MinHash:
    """datasketch as its documentation uses it: one update a shingle."""
    words = tokens(text)
    made = MinHash(num_perm=128, seed=SEED, scheme=SCHEME, hashfunc=hashfunc)
    for start in range(max(len(words) - 6, 1) if words else 0):
        made.update(" ".join(words[start : start + 7]).encode())
    return made


def plainly(texts: list[str], hashfunc: Callable[[bytes], int] | None) -> list[bool]:
    """Near-dedup with datasketch alone: which texts survive. Its bands are ours, each hit verified as ours are."""
    index, signed, kept = MinHashLSH(num_perm=128, params=bands(128, 0.85)), {}, []
    for number, text in enumerate(texts):
        made = one_by_one(text, hashfunc)
        kept.append(all(signed[key].jaccard(made) < 0.85 for key in index.query(made)))
        if kept[-1]:
            signed[str(number)] = made
            index.insert(str(number), made)
    return kept


def ours(texts: list[str]) -> list[bool]:
    """Near-dedup as the curate stage does it: which texts survive."""
    rows: list[Signature] = [signature(token_hashes(text), 7, 128) for text in texts]
    values, numbers = np.array(rows), np.arange(len(rows))
    count, width = bands(128, 0.85)
    whole = signature_rows([values])
    matches = (alike(values[:, at * width : (at + 1) * width], numbers, whole, 0.85) for at in range(count))
    dropped = repeated(matches)
    return [number not in dropped for number in range(len(texts))]


def near_duplicates(texts: list[str]) -> Iterator[Row]:
    """Near-dedup three ways, signatures and search together, in seconds of one processor."""
    made: dict[str, tuple[float, list[bool]]] = {}
    ways: dict[str, Callable[[], list[bool]]] = {
        "rustml": lambda: ours(texts),
        "MinHash.update, same hash": lambda: plainly(texts, shingle_hash),
        "MinHash.update, SHA-1": lambda: plainly(texts, None),
    }
    for name, way in ways.items():
        start = time.process_time()
        kept = way()
        seconds = time.process_time() - start
        made[name] = seconds, kept
        yield name, f"{len(texts) / seconds:.0f} files/s", f"{sum(kept)} of {len(texts)} survive"
    mine, own = made["rustml"]
    for name in list(ways)[1:]:
        seconds, kept = made[name]
        other = sum(a != b for a, b in zip(own, kept, strict=True))
        agree = f"{other} of {len(texts)} files are decided otherwise" if other else "the same survivors"
        yield f"rustml / {name}", f"{seconds / mine:.1f} x", f"{agree}; target {TARGETS['times']} x"


def extraction(texts: list[str]) -> Iterator[Row]:
    """tree-sitter alone, and with the functions and pieces taken out."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    for name, work, note in (
        ("tree-sitter alone", parses, ""),
        ("extraction", parse, f"; target {TARGETS['MB/s']} MB/s"),
    ):
        start = time.process_time()
        for text in texts:
            work(text)
        yield name, f"{size / (time.process_time() - start):.1f} MB/s", f"{size:.1f} MB, one core{note}"


def killed(work: Path, workers: int, directory: str) -> Row:
    """Kill the stages with SIGKILL at several points, go on each time, and compare the end with the first run's."""
    out = work / "killed"
    code = "import benchmarks.corpus as b, sys; list(b.stages(sys.argv[1], int(sys.argv[2]), b.Path(sys.argv[3])))"
    kills = 0
    for mark in KILLED_AT:
        with subprocess.Popen([sys.executable, "-c", code, directory, str(workers), str(out)]) as process:
            while not (out / mark).exists() and process.poll() is None:
                time.sleep(0.002)
            kills += process.poll() is None
            process.kill()
    list(stages(directory, workers, out))
    same = all(contents(work / stage) == contents(out / stage) for stage in ("harvest", "curate", "pairs"))
    return "killed and resumed", f"{kills} times", "the same bytes" if same else "OTHER BYTES"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a stage's output but its plan, which names where its inputs lie."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "plan.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def spread(stage: Path, count: int) -> list[str]:
    """About so many texts of a stage's output, in order; all where `count` is 0."""
    shards = sorted(stage.glob("files/*/files.jsonl"))
    texts = [file.text for path in shards for file in read_jsonl(path, SourceFile) if len(file.text) >= 256]
    return texts[:: max(len(texts) // count, 1)] if count else texts


def rows(given: argparse.Namespace, work: Path) -> Iterator[Row]:
    """The whole table."""
    yield from stages(given.directory, given.workers, work)
    yield from extraction(spread(work / "curate", SAMPLE))
    yield from near_duplicates(spread(work / "harvest", given.files))
    if given.kill:
        yield killed(work, given.workers, given.directory)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--directory", default="/usr/share/cargo/registry")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--files", type=int, default=SAMPLE, help="files to compare near-dedup on; 0 takes all")
    options.add_argument("--kill", action="store_true", help="also kill the stages, resume them, and compare the bytes")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for what, figure, note in rows(given, Path(folder)):
            print(f"{what:<33}  {figure:>24}  {note}", flush=True)


if __name__ == "__main__":
    main()
