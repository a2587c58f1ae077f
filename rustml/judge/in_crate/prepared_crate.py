"""A crate prepared once: its dependencies built, and the compiler's calls for the crate itself recorded.

cargo runs with a wrapper that records how it calls the compiler for this crate. A candidate is later compiled by such
a call alone, against dependencies that it can read alone: neither cargo nor a build script runs again, and no candidate
reaches the next. Where the sandbox renames no paths the calls name the machine's; such a build has a key of its own.
"""

import hashlib
import shutil
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from rustml.contents import directory_source_contents
from rustml.errors import InputError
from rustml.io import whole_folder
from rustml.judge.in_crate.cargo_build import CargoBuild, make_folders
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.dependencies import Dependencies, read_dependencies
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.manifest import all_features, document, needed_by_tests, pruned, uses_absent
from rustml.judge.in_crate.resolution import LOCK
from rustml.records import Record

REVISION = 5
"""Of what is built and recorded; a change makes every crate be built again."""
RECORD = "built.json"
DEFAULT, FULL = "default", "full"


class BuildRecord(Record, frozen=True):
    """The outcome of building a crate."""

    invocations: tuple[Invocation, ...]
    features: tuple[str, ...]
    """The features that the crate was built with; `default` alone stands for the crate's defaults."""
    fault: str = ""
    """Why it does not build here: the compiler's or cargo's first complaint."""
    place: str = ""
    """Where it was built, in a sandbox that renames no paths: the calls name files in there."""

    def moved(self, folder: Path) -> "BuildRecord":
        """The record of a build that lies in `folder` now."""
        if not self.place:
            return self
        calls = tuple(call.replaced(self.place, str(folder)) for call in self.invocations)
        return msgspec.structs.replace(self, invocations=calls, place=str(folder))


@dataclass(frozen=True)
class PreparedCrate:
    """A crate's folder in the cache."""

    folder: Path
    built: BuildRecord
    sandbox: str
    """What held the build and holds what is compiled and run in it."""

    @property
    def sources(self) -> Path:
        """The crate's sources."""
        return self.folder / "crate"

    @property
    def mounts(self) -> dict[Path, str]:
        """What a candidate's compilation sees of it, read-only."""
        return {self.sources: "/crate", self.folder / "target": "/target"}


@dataclass(frozen=True)
class _BuildOptions:
    features: Literal["all", "full", "default"]
    dev: bool


BUILD_OPTIONS = tuple(_BuildOptions(features, dev) for features in ("all", "full", "default") for dev in (True, False))
"""In order: all features; those of the crate's own feature `full`; the defaults (some crates have features that need an
unstable compiler or exclude each other). Each with the dependencies of the tests, then without."""


def prepare(
    source: Path, vendor: Path, cache: Path, sandbox: CrateSandbox, *, vendor_digest: str = "", tests: bool = True
) -> PreparedCrate:
    """Build the crate in `source` against the Cargo directory source `vendor`, or reuse an earlier build.

    A build is kept under the contents of both and the kind of sandbox; `vendor_digest` is
    `directory_source_contents(vendor)`. Without `tests` neither they nor what they alone depend on is built. A crate
    that does not build has a `built.fault` that says why.
    """
    key = _key(source, vendor, vendor_digest or directory_source_contents(vendor), sandbox, tests=tests)
    folder = cache.resolve() / f"{source.name}-{key[:16]}"
    if not (folder / RECORD).is_file():
        with whole_folder(folder) as partial:
            record = _build(source, vendor, partial, sandbox, tests=tests)
            if not sandbox.renames:
                record = msgspec.structs.replace(record, place=str(partial))
            (partial / RECORD).write_bytes(msgspec.json.encode(record))
    record = msgspec.json.decode((folder / RECORD).read_bytes(), type=BuildRecord)
    return PreparedCrate(folder, record.moved(folder), sandbox.name)


def _key(source: Path, vendor: Path, vendor_digest: str, sandbox: CrateSandbox, *, tests: bool) -> str:
    parts = [REVISION, sandbox.tools.digest, vendor_digest, *([] if tests else ["no tests"])]
    parts += [] if sandbox.renames else ["paths of the machine"]
    digest = hashlib.sha256("".join(f"{part}\0" for part in parts).encode())
    digest.update(msgspec.json.encode(read_dependencies(vendor)))  # with the digest of the lock, where there is one
    for path in sorted(path for path in source.rglob("*") if path.is_file() and not path.is_symlink()):
        digest.update(f"{path.relative_to(source)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build(source: Path, vendor: Path, folder: Path, sandbox: CrateSandbox, *, tests: bool) -> BuildRecord:
    """The best attempt: one whose tests build as well, else the first whose library and programs do.

    With other features they would not build either, where they use a package that is not there.
    """
    shutil.copytree(source, folder / "crate", symlinks=True)
    make_folders(folder, vendor, sandbox)
    resolved = read_dependencies(vendor)
    best: BuildRecord | None = None
    for attempt in BUILD_OPTIONS if tests else (option for option in BUILD_OPTIONS if not option.dev):
        record = _attempt(folder, vendor, attempt, resolved, sandbox, tests=tests)
        if any(call.test for call in record.invocations) or not (tests or record.fault):
            return record
        if best is None or best.fault:  # of several faults the last, of the attempt that asks for least
            best = record
        if not record.fault and _tests_lack_a_package(folder, vendor, resolved):
            break
    assert best is not None
    return best


def _attempt(
    folder: Path,
    vendor: Path,
    attempt: _BuildOptions,
    resolved: Dependencies | None,
    sandbox: CrateSandbox,
    *,
    tests: bool,
) -> BuildRecord:
    """One build. Versions are those of the lock in `vendor` where `resolved` says that it has one, else cargo's choice.

    The lock is complete for the manifest that was resolved; a build that asks for less leaves out of it what it can.
    """
    try:
        original = tomllib.loads((folder / "crate" / "Cargo.toml").read_text(encoding="utf-8"))
        whole = pruned(original, resolved.direct if resolved else vendored(vendor), dev=attempt.dev)
        manifest = needed_by_tests(whole, _sources(folder / "crate"))
        (folder / "crate" / LOCK).unlink(missing_ok=True)
        if resolved:
            shutil.copyfile(vendor / LOCK, folder / "crate" / LOCK)
    except (InputError, tomllib.TOMLDecodeError, KeyError, OSError) as error:
        return BuildRecord(invocations=(), features=(), fault=str(error))
    features = [DEFAULT] if attempt.features == "default" else all_features(manifest)
    if attempt.features == "full":
        if FULL not in features:
            return BuildRecord(invocations=(), features=(), fault=f"it has no feature `{FULL}`")
        features = [name for name in features if name in (DEFAULT, FULL)]
    exact = resolved is not None and resolved.dev == attempt.dev and manifest == whole
    options = ("--offline", "--locked") if exact else ("--offline",)
    chosen = [] if features == [DEFAULT] else ["--no-default-features", f"--features={','.join(features)}"]
    cargo = CargoBuild(folder, vendor, document(manifest), (*options, *chosen), sandbox)
    calls, fault = cargo.calls(["build", "--lib", "--bins"] if _has_library(folder, manifest) else ["build", "--bins"])
    if fault:
        return BuildRecord(invocations=(), features=tuple(features), fault=fault)
    if not tests:
        return BuildRecord(invocations=tuple(calls), features=tuple(features))
    tried, _ = cargo.calls(["test", "--no-run", *(["--lib"] if _has_library(folder, manifest) else []), "--bins"])
    return BuildRecord(invocations=(*calls, *(call for call in tried if call.test)), features=tuple(features))


def _tests_lack_a_package(folder: Path, vendor: Path, resolved: Dependencies | None) -> bool:
    crate = folder / "crate"
    manifest = tomllib.loads((crate / "Cargo.toml").read_text(encoding="utf-8"))
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in sorted((crate / "src").rglob("*.rs")))
    return uses_absent(manifest, resolved.direct if resolved else vendored(vendor), texts)


def _has_library(folder: Path, manifest: dict[str, object]) -> bool:
    return "lib" in manifest or (folder / "crate" / "src" / "lib.rs").is_file()


def _sources(crate: Path) -> Iterator[str]:
    """The Rust texts of a crate but for those of targets that are not built."""
    for path in sorted(crate.rglob("*.rs")):
        if path.relative_to(crate).parts[0] not in ("benches", "examples"):
            yield path.read_text(encoding="utf-8", errors="replace")


def vendored(vendor: Path) -> Collection[str]:
    """Names of the packages in a directory source."""
    names = set()
    for folder in vendor.iterdir():
        try:
            names.add(tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))["package"]["name"])
        except (OSError, tomllib.TOMLDecodeError, KeyError, UnicodeDecodeError):
            continue
    return names
