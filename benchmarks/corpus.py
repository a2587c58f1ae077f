"""The corpus stages on a Cargo directory source: wall time and memory of each, near-dedup and extraction side by side.

`python -m benchmarks.corpus [--directory /usr/share/cargo/registry] [--workers 2]`. The corpus of the reference numbers
is what the packages of scripts/corpus-debian.txt bring in. Prints one table.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import yaml
from datasketch import MinHash

from rustml.corpus.curate import curate
from rustml.corpus.harvest import harvest
from rustml.pairs.build import build
from rustml.pairs.parse import parse, parses
from rustml.profile.corpus import CurateSection, HarvestSection, PairsSection
from rustml.profile.load import FOLDER
from rustml.records import SourceFile, read_jsonl
from rustml.similarity.minhash import SCHEME, SEED, Signature, shingle_hash, signature, survivors, token_hashes
from rustml.similarity.tokens import tokens

SAMPLE = 600
"""Files on which signatures are compared, spread evenly over the corpus."""
REFERENCE = {"min_doc_characters": 30, "min_body_lines": 3, "max_pair_characters": 12_000, "raw_pieces": 0}


def stages(directory: str, workers: int, work: Path) -> Iterator[tuple[str, str, str]]:
    """Run the three stages and yield (what, seconds, what came of it)."""
    tree = yaml.safe_load((FOLDER / "tiny.yaml").read_text())
    first = msgspec.convert(
        tree["harvest"] | {"registry": "", "directory": directory, "crates": ["all"]}, HarvestSection
    )
    second, third = msgspec.convert(tree["curate"], CurateSection), msgspec.convert(tree["pairs"], PairsSection)
    third = msgspec.structs.replace(third, **REFERENCE)
    start = began = time.perf_counter()
    one = harvest(first, work / "harvest", workers=workers, cache=work / "cache")
    yield "harvest", f"{time.perf_counter() - start:.1f} s", f"{one.crates} crates, {one.files} files"
    start = time.perf_counter()
    two = curate(second, work / "harvest", work / "curate", protected=[], workers=workers)
    yield (
        "curate",
        f"{time.perf_counter() - start:.1f} s",
        f"{two.files} files, {two.characters / 1e6:.1f} M characters",
    )
    start = time.perf_counter()
    three = build(third, work / "curate", work / "pairs", protected=[], workers=workers)
    yield "pairs", f"{time.perf_counter() - start:.1f} s", ", ".join(f"{n} {part}" for part, n in three.parts.items())
    yield "all three", f"{time.perf_counter() - began:.1f} s", f"{workers} workers"
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    peak = own + workers * children
    yield "peak memory", f"{peak:.0f} MiB", f"parent {own:.0f} and {workers} times the largest worker, {children:.0f}"


def one_by_one(text: str, hashfunc: Callable[[bytes], int] | None) -> Signature:
    """datasketch as its documentation uses it: one update a shingle."""
    words = tokens(text)
    made = MinHash(num_perm=128, seed=SEED, scheme=SCHEME, hashfunc=hashfunc)
    for start in range(max(len(words) - 6, 1) if words else 0):
        made.update(" ".join(words[start : start + 7]).encode())
    values: Signature = made.hashvalues
    return values


def rate(texts: list[str], work: Callable[[str], object]) -> tuple[float, list[object]]:
    """Files a second of processor time, and the results."""
    start = time.process_time()
    made = [work(text) for text in texts]
    return len(texts) / (time.process_time() - start), made


def near_duplicates(texts: list[str]) -> Iterator[tuple[str, str, str]]:
    """Signatures three ways, and the survivors that follow from each."""
    whole, mine = rate(texts, lambda text: signature(token_hashes(text), 7, 128))
    slow, theirs = rate(texts, lambda text: one_by_one(text, None))
    same, same_hash = rate(texts, lambda text: one_by_one(text, shingle_hash))
    kept = [survivors(values, 128, 0.85) for values in (mine, theirs, same_hash)]  # type: ignore[arg-type]
    yield "MinHash.update, SHA-1", f"{slow:.0f} files/s", f"{sum(kept[1])} of {len(texts)} survive"
    yield "MinHash.update, same hash", f"{same:.0f} files/s", f"{sum(kept[2])} survive"
    other = sum(a != b for a, b in zip(kept[0], kept[1], strict=True))
    agree = "the same" if kept[0] == kept[2] else "OTHERS"
    yield (
        "rustml",
        f"{whole:.0f} files/s",
        f"{sum(kept[0])} survive, {agree} as with the same hash, {other} unlike SHA-1",
    )
    yield "rustml / update, SHA-1", f"{whole / slow:.1f} x", ""


def extraction(texts: list[str]) -> Iterator[tuple[str, str, str]]:
    """tree-sitter alone, and with the functions and pieces taken out."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    for name, work in (("tree-sitter alone", parses), ("extraction", parse)):
        start = time.process_time()
        for text in texts:
            work(text)
        yield name, f"{size / (time.process_time() - start):.1f} MB/s", f"{size:.1f} MB, one core"


def resumed(work: Path, workers: int, directory: str) -> str:
    """Kill a harvest at half, go on, and compare its digest with the first run's."""
    out = work / "killed"
    code = "import benchmarks.corpus as b, sys; list(b.stages(sys.argv[1], int(sys.argv[2]), b.Path(sys.argv[3])))"
    with subprocess.Popen([sys.executable, "-c", code, directory, str(workers), str(out)]) as process:
        while not (out / "harvest" / "files" / "00002").exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    list(stages(directory, workers, out))
    pairs = [(work / "pairs" / "train.jsonl").read_bytes(), (out / "pairs" / "train.jsonl").read_bytes()]
    return "the same bytes" if pairs[0] == pairs[1] else "OTHER BYTES"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--directory", default="/usr/share/cargo/registry")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--kill", action="store_true", help="also kill a run and compare what it ends with")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        table = list(stages(given.directory, given.workers, work))
        texts = [
            f.text for path in sorted(work.glob("curate/files/*/files.jsonl")) for f in read_jsonl(path, SourceFile)
        ]
        chosen = texts[:: max(len(texts) // SAMPLE, 1)][:SAMPLE]
        table += [*near_duplicates(chosen), *extraction(chosen)]
        if given.kill:
            table.append(("killed and resumed", "", resumed(work, given.workers, given.directory)))
    width = max(len(row[0]) for row in table)
    for what, figure, note in table:
        print(f"{what:<{width}}  {figure:>14}  {note}")
    print(json.dumps({what: figure for what, figure, _ in table}))


if __name__ == "__main__":
    main()
