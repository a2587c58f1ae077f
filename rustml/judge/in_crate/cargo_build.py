"""A build of a crate by cargo in a sandbox, with a wrapper that records how cargo calls the compiler for the crate."""

import json
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rustml.judge.in_crate.crate_sandbox import RUST, WORK, CrateSandbox
from rustml.judge.in_crate.invocation import Invocation
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.processes import Completed

BUILD_SECONDS = 600.0
"""Processor time of one compiler while dependencies are built."""
TARGET, HOME, VENDOR, TOOLS, RECORDS = "/target", "/home", "/vendor", "/tools", "/records"
MANIFEST = "Cargo.toml"
WRAPPER = """#!/bin/sh
if [ -n "$CARGO_PRIMARY_PACKAGE" ]; then
  place=$(mktemp -d {records}/XXXXXXXX)
  printf '%s\\0' "$@" > "$place/arguments"
  env -0 > "$place/environment"
fi
exec "$@"
"""
CONFIG = """[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = {vendor}
[net]
offline = true
"""


def make_folders(folder: Path, vendor: Path, sandbox: CrateSandbox) -> None:
    """What a build in `folder`, which has the crate in `crate`, needs beside it."""
    for name in ("tools", "home", "target"):
        (folder / name).mkdir()
    wrapper, records = folder / "tools" / "wrapper", sandbox.path(folder / "records", RECORDS)
    wrapper.write_text(WRAPPER.replace("{records}", shlex.quote(records)))
    wrapper.chmod(0o755)
    (folder / "home" / "config.toml").write_text(CONFIG.format(vendor=json.dumps(sandbox.path(vendor, VENDOR))))


@dataclass(frozen=True)
class CargoBuild:
    """Calls of cargo with one manifest."""

    folder: Path
    vendor: Path
    manifest: str
    options: tuple[str, ...]
    sandbox: CrateSandbox

    def calls(self, command: Sequence[str]) -> tuple[list[Invocation], str]:
        """How cargo called the compiler for the crate; or why it failed."""
        records = self.folder / "records"
        shutil.rmtree(records, ignore_errors=True)
        records.mkdir()
        with self._manifest() as mounts:
            result = self._run(command, mounts)
        if result.returncode != 0 or result.expired:
            return [], "it took too long to build" if result.expired else _complaint(result.stderr)
        return list(_recorded(records)), ""

    @contextmanager
    def _manifest(self) -> Iterator[Mapping[Path, str]]:
        """The mounts with which the crate has this manifest; without mounts it stands in its place for the time.

        There cargo would look for a workspace in the folders above.
        """
        if self.sandbox.renames:
            (self.folder / MANIFEST).write_text(self.manifest)
            yield {self.folder / MANIFEST: f"{WORK}/{MANIFEST}"}
            return
        place = self.folder / "crate" / MANIFEST
        original = place.read_bytes()
        _replace(place, f"{self.manifest}[workspace]\n".encode())
        try:
            yield {}
        finally:
            _replace(place, original)

    def _run(self, command: Sequence[str], manifest: Mapping[Path, str]) -> Completed:
        # The crate's folder must be writable for Cargo.lock and for build scripts that write where they should not.
        # Where the crate lies at its own path cargo starts elsewhere, else it would read settings in the folders above.
        folder, inside = self.folder, self.sandbox.path
        mounts = Mounts(
            read={self.vendor: VENDOR, folder / "tools": TOOLS},
            write={
                folder / "crate": WORK,
                **manifest,
                folder / "target": TARGET,
                folder / "home": HOME,
                folder / "records": RECORDS,
            },
            work=WORK if self.sandbox.renames else "/",
        )
        home, place = inside(folder / "home", HOME), f"{inside(folder / 'crate', WORK)}/{MANIFEST}"
        environment = {
            "HOME": home,
            "CARGO_HOME": home,
            "CARGO_TARGET_DIR": inside(folder / "target", TARGET),
            "CARGO_INCREMENTAL": "0",
            "CARGO_PROFILE_DEV_DEBUG": "0",
            "CARGO_BUILD_RUSTFLAGS": " ".join(linking(self.sandbox)),
            "RUSTC_WRAPPER": f"{inside(folder / 'tools', TOOLS)}/wrapper",
            "RUSTC": f"{inside(self.sandbox.tools.sysroot, RUST)}/bin/rustc",
            "TMPDIR": home,
        }
        words = ["cargo", *command, f"--manifest-path={place}", *self.options]
        return self.sandbox.compile(words, mounts, environment, cpu=BUILD_SECONDS)


def linking(sandbox: CrateSandbox) -> tuple[str, ...]:
    """Flags for every call: no lint stops a build, and which linker links.

    The bundled one needs /proc/self, which is there where paths are not renamed; the system's makes its output
    executable afterwards, which is refused there.
    """
    flags = ("--cap-lints=warn", "-Clinker-features=-lld", f"-Clinker={Path(shutil.which('cc') or 'cc').resolve()}")
    if sandbox.renames:
        return flags
    return (*flags, "-Clink-arg=-fuse-ld=lld", f"-Clink-arg=-B{sandbox.tools.linker.parent / 'gcc-ld'}")


def _replace(file: Path, content: bytes) -> None:
    """Write a file in a folder that a build script may have written to: what is at its place goes."""
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)
    file.write_bytes(content)


def _recorded(records: Path) -> Iterator[Invocation]:
    for folder in sorted(records.iterdir()):
        words = (folder / "arguments").read_bytes().decode("utf-8", "replace").split("\0")[1:-1]
        variables = (folder / "environment").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        environment = dict(variable.split("=", 1) for variable in variables if "=" in variable)
        invocation = Invocation(arguments=tuple(words), environment=environment)
        if "--crate-name" in words and invocation.crate != "build_script_build":
            yield invocation


def _complaint(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").splitlines()
    errors = [line.strip() for line in lines if line.startswith("error")]
    return (errors or lines[-1:] or ["cargo gave no reason"])[0][:200]
