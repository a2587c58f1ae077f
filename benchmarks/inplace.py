"""How many held-out functions can be judged in their crates, and whether wrong ones fail there.

    python -m benchmarks.inplace --pairs RUN/output/holdout.jsonl [--limit N] [--cache FOLDER]
    python -m benchmarks.inplace --pairs RUN/output/holdout.jsonl --registry [--limit N] [--cache FOLDER]
    python -m benchmarks.inplace --pairs RUN/output/holdout.jsonl --bring [--limit N] [--cache FOLDER]
    python -m benchmarks.inplace --pairs RUN/output/holdout.jsonl --inputs [--limit N] [--cache FOLDER]

Every reference is given as an answer, then a `todo!()`, then the reference with a number or an operator changed. With
`--registry` one table is printed instead: what is eligible with the directory source that the pairs came from, and with
a sparse registry on loopback that serves the crates of that source, each resolved and brought by Cargo. `--bring` ends
after that, and prints for how many crates it could be done; nothing is built. `--inputs` builds nothing either: it
compares what each crate would be built from in the two ways, manifest and packages. Where both are the same, so is
what can be judged.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rustml.cache_layout import CacheLayout
from rustml.errors import InputError
from rustml.evaluation.kinds.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.evaluation.suites.crates import LocatedPairs, Sources, label, locate_pairs
from rustml.evaluation.suites.holdout import Holdout
from rustml.evaluation.suites.suite import Suite
from rustml.judge import Limits
from rustml.judge.in_crate.dependencies import Dependencies
from rustml.judge.in_crate.manifest import Table, document, pruned
from rustml.judge.in_crate.prepared_crate import vendored
from rustml.judge.in_crate.resolution import LOCK, CargoSource, read_manifest
from rustml.judge.rust import toolchain
from rustml.origin import archive_folder, directory_of, folder_of, sparse_registry
from rustml.profile import load
from rustml.profile.evaluation import SuiteSection
from rustml.progress import LabelledProgress
from rustml.records import Pair, Problem, candidate_of, read_jsonl, write_jsonl
from rustml.runs.progress import Progress
from rustml.tasks import task_of
from tests.support.cargo_registry import CrateRegistry, archive_path, crate_files


def unwritten(code: str) -> str:
    """The function with `todo!()` for a body."""
    return f"{code[: code.index('{')]}{{\n    todo!()\n}}"


def changed(code: str) -> str:
    """The function with the first number of its body changed, else its first comparison or sum."""
    head, body = code[: code.index("{")], re.sub(r"(?m)^\s*//.*\n", "", code[code.index("{") :])
    wrong = re.sub(r"(?<![\w.])(\d+)(?![\w.])", lambda found: str(int(found[1]) + 1), body, count=1)
    for one, other in ((" + ", " - "), (" < ", " >= "), (" == ", " != "), ("true", "false"), ("Some(", "None.or(")):
        wrong = body.replace(one, other, 1) if wrong == body else wrong
    return code if wrong == body else head + wrong


def statuses(suite: Suite, problems: Sequence[Problem], make: Callable[[str], str]) -> Counter[str]:
    """Verdicts on what `make` makes of the references."""
    assert suite.judge is not None
    made = [(problem, make(problem.reference)) for problem in problems]
    asked = [candidate_of(problem, code, f"{problem.id}#0") for problem, code in made if code != problem.reference]
    if make is str:
        asked = [candidate_of(problem, code, f"{problem.id}#0") for problem, code in made]
    return Counter(verdict.status for verdict in suite.judge.judge(asked))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("outputs/cache"))
    parser.add_argument("--registry", action="store_true", help="compare with a registry on loopback")
    parser.add_argument("--bring", action="store_true", help="bring dependencies from a registry on loopback")
    parser.add_argument("--inputs", action="store_true", help="compare what crates would be built from in both ways")
    options = parser.parse_args()
    if options.inputs:
        inputs(options.pairs, options.limit, options.cache)
        return
    if options.bring:
        bring(options.pairs, options.limit, options.cache)
        return
    if options.registry:
        compare(options.pairs, options.limit, options.cache)
        return
    started = time.monotonic()
    with made(options.pairs, options.limit, CacheLayout(options.cache)) as suite:
        print(f"made ready in {time.monotonic() - started:.1f} s")
        _report(suite)


@contextmanager
def made(pairs: Path, limit: int, cache: CacheLayout, sandbox: str = "auto") -> Iterator[Suite]:
    """The suite of a file of pairs, its crates made ready in a sandbox."""
    profile = load("tiny")
    shape = profile.evaluation.suites["holdout"]
    fields = {name: getattr(shape, name) for name in shape.__struct_fields__}
    section = SuiteSection(**{**fields, "problems": pairs.stem, "limit": limit, "crates": 0})
    sources = Sources(cache.unpacked_crates, profile.evaluation.dependencies, cache.built_crates, cache.dependencies)
    limits = Limits.from_section(profile.judge)
    with (
        Progress("crates") as progress,
        Holdout(pairs.parent, sources, limits, told(progress), sandbox=sandbox) as holdout,
    ):
        yield holdout.suite("holdout", section, profile.seed)


def told(progress: Progress) -> LabelledProgress:
    """A callback that shows what is counted on `progress`."""

    def watch(what: str, done: int, total: int) -> None:
        progress.begin(what)
        progress(done, total)

    return watch


def bring(path: Path, limit: int, cache: Path) -> None:
    """Print for how many crates a registry on loopback gives what they need, and why not for the others."""
    pairs, code = asked(path, limit)
    started = time.monotonic()
    located = brought(code, cache)
    seconds, needs = time.monotonic() - started, located.dependencies
    size = sum(file.stat().st_size for file in CacheLayout(cache).dependencies.rglob("*") if file.is_file())
    print(f"{len(code)} of {len(pairs)} pairs ask for code, in {len(needs)} crates; {len(located.sites)} are located")
    print(f"dependencies brought for {sum(not made.fault for made in needs.values())} crates in {seconds:.0f} s:")
    print(f"{sum(len(made.packages) for made in needs.values())} packages, {size / 2**20:.0f} MiB on disk")
    print(f"crates that leave out something for tests, features or other machines: {_count(needs, 'left_out')}")
    for name, made in needs.items():
        if made.fault:
            print(f"{name}: {made.fault}: {made.detail}")


def asked(path: Path, limit: int) -> tuple[list[Pair], list[Pair]]:
    """The pairs of a file, and those of them that ask for code."""
    pairs = sorted(read_jsonl(path, Pair), key=lambda pair: pair.id)[: limit or None]
    return pairs, [pair for pair in pairs if task_of(pair.task).asks_for_code]


def brought(code: Sequence[Pair], cache: Path) -> LocatedPairs:
    """The sites of pairs whose crates a registry on loopback serves, their dependencies brought from it."""
    layout = CacheLayout(cache)
    sources = Sources(layout.unpacked_crates, "", layout.built_crates, layout.dependencies)
    with CrateRegistry() as registry, Progress("crates") as progress:
        checksums = registry.add_source(source_of(code))
        served = [_served(pair, registry, checksums, cache) for pair in code]
        return locate_pairs(served, sources, toolchain.find().sysroot / "bin" / "cargo", told(progress))


def inputs(path: Path, limit: int, cache: Path) -> None:
    """Print for how many pairs a crate would be built from the same manifest and packages in both ways."""
    pairs, code = asked(path, limit)
    needs, source = brought(code, cache).dependencies, source_of(code)
    crates = {label(pair): Path(str(folder_of(pair.origin.url))) for pair in code}
    known, outcomes = vendored(source), dict[str, str]()
    with Progress("crates") as progress:
        for name, folder in sorted(crates.items()):
            outcomes[name] = compared(folder, source, known, needs[name])
            progress(len(outcomes), len(crates))
    print(f"{len(code)} of {len(pairs)} pairs ask for code, in {len(crates)} crates. Built from, in both ways:")
    for outcome in dict.fromkeys(outcomes.values()):
        names = [name for name, its in outcomes.items() if its == outcome]
        count = sum(label(pair) in names for pair in code)
        print(f"{outcome}: {count} pairs, {len(names)} crates: {', '.join(names)}")


def _count(needs: Mapping[str, Dependencies], name: str) -> int:
    return sum(bool(getattr(made, name)) for made in needs.values())


def source_of(pairs: Sequence[Pair]) -> Path:
    """The directory source that pairs came from."""
    (source,) = {folder for pair in pairs if (folder := directory_of(pair.origin.registry))}
    return source


def compared(crate: Path, source: Path, known: Collection[str], made: Dependencies) -> str:
    """How the two ways differ in what a crate is built from, as `prepare` chooses it; `known` is what `source` has."""
    if made.fault:
        return f"nothing from the registry ({made.fault})"
    original, packages = read_manifest(crate), {(package.name, package.version) for package in made.packages}
    for dev in (True, False):
        manifest, names = chosen(crate, original, source, known, dev=dev)
        same = names == packages and manifest == document(pruned(original, made.direct, dev=dev))
        if same and dev == made.dev:
            return "the same manifest and packages"
        if names is not None and not dev:
            plain = document(pruned(original, made.direct, dev=False))
            tests_alone = manifest == plain and names <= packages
            return "the same but for packages of tests" if tests_alone else "other manifests or packages"
    return "nothing from the directory source"


def chosen(
    crate: Path, original: Table, source: Path, known: Collection[str], *, dev: bool
) -> tuple[str, set[tuple[str, str]] | None]:
    """The manifest of a build against a directory source, and the packages that cargo chooses; None where it cannot."""
    try:
        manifest = document(pruned(original, known, dev=dev))
    except InputError:
        return "", None
    with tempfile.TemporaryDirectory() as folder:
        project = shutil.copytree(crate, Path(folder, "crate"), symlinks=True)
        (project / "Cargo.toml").write_text(manifest, encoding="utf-8")
        (project / LOCK).unlink(missing_ok=True)
        programs = toolchain.find().sysroot / "bin"  # as in the sandbox, where no file of a crate chooses another one
        options = [*CargoSource({"directory": str(source)}).options, "generate-lockfile", "--offline"]
        own = {**os.environ, "CARGO_HOME": str(Path(folder, "home")), "RUSTC": str(programs / "rustc")}
        words = [str(programs / "cargo"), *options]
        if subprocess.run(words, cwd=project, env=own, capture_output=True, check=False).returncode:
            return manifest, None
        listed = tomllib.loads((project / LOCK).read_text(encoding="utf-8"))["package"]
    return manifest, {(package["name"], package["version"]) for package in listed if "source" in package}


def compare(path: Path, limit: int, cache: Path) -> None:
    """Print eligibility with the directory source of the pairs beside that with a registry, and where they differ."""
    pairs = sorted(read_jsonl(path, Pair), key=lambda pair: pair.id)[: limit or None]
    tags: dict[str, dict[str, str]] = {}
    columns: dict[str, list[object]] = {}
    with CrateRegistry() as registry, tempfile.TemporaryDirectory() as folder:
        checksums = registry.add_source(source_of(pairs))
        served = [_served(pair, registry, checksums, cache) for pair in pairs]
        for name, group in (("directory source", pairs), ("registry", served)):
            write_jsonl(Path(folder, name, "holdout.jsonl"), group)
            started = time.monotonic()
            with made(Path(folder, name, "holdout.jsonl"), 0, CacheLayout(cache)) as suite:
                account = suite.account
            assert account is not None
            tags[name] = {problem.id: problem.tags[INPLACE] for problem in suite.problems}
            bound = {f"excluded: {reason}": count for reason, count in account.excluded.items()}
            counts = {"pairs that ask for code": account.asked, "eligible for compile": account.compiled}
            counts |= {"eligible for tests": account.tested, **bound, "seconds": int(time.monotonic() - started)}
            for row, count in counts.items():
                columns.setdefault(row, []).append(count)
    for row, values in columns.items():
        if any(values):
            print(f"{row:32}" + "".join(f"{value!s:>18}" for value in values))
    differing = [pair for pair in pairs if tags["registry"][pair.id] != tags["directory source"][pair.id]]
    for pair in differing:
        print(f"{label(pair)}: {tags['directory source'][pair.id]} -> {tags['registry'][pair.id]}")
    print(f"{len(differing)} of {len(pairs)} pairs differ")


def _served(pair: Pair, registry: CrateRegistry, checksums: Mapping[str, str], cache: Path) -> Pair:
    """The pair as if its crate had been harvested from the registry, its archive unpacked as harvest does."""
    checksum = checksums[label(pair)]
    target = archive_folder(CacheLayout(cache).unpacked_crates, checksum) / label(pair)
    if not target.is_dir():
        for path, content in crate_files(Path(str(folder_of(pair.origin.url)))).items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
    url = registry.host + archive_path(pair.origin.name, pair.origin.version)
    origin = msgspec.structs.replace(
        pair.origin, registry=sparse_registry(registry.url), url=url, archive_sha256=checksum
    )
    return msgspec.structs.replace(pair, origin=origin)


def _report(suite: Suite) -> None:
    code = [problem for problem in suite.problems if task_of(problem.tags[TASK]).asks_for_code]
    by_tag: Mapping[str, int] = Counter(problem.tags[INPLACE] for problem in code)
    fit = [problem for problem in code if problem.tags[INPLACE] in (COMPILES, TESTED)]
    print(f"{len(suite.problems)} pairs, {len(code)} of them ask for code: {dict(by_tag)}")
    print(f"eligible for compile: {len(fit)} of {len(code)} = {len(fit) / len(code):.1%}")
    tested = [problem for problem in fit if problem.tags[INPLACE] == TESTED]
    whole = [problem for problem in tested if task_of(problem.tags[TASK]).answer_kind == "function"]
    rows = [("reference", fit, str), ("reference, where tests notice it", tested, str)]
    rows += [("todo!(), where tests notice it", whole, unwritten), ("changed, where tests notice it", whole, changed)]
    for name, problems, make in rows:
        began = time.monotonic()
        found = statuses(suite, problems, make)
        each = (time.monotonic() - began) / max(1, sum(found.values()))
        print(f"{name}: {sum(found.values())} judged, {dict(found)}, {each:.2f} s each")


if __name__ == "__main__":
    main()
