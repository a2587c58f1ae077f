"""Records of crates: the request, the crate with its bytes, its manifest, and the outcome of the harvest."""

import re
import tomllib
from typing import Any, Literal

from rustml.errors import InputError
from rustml.records import Record

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
VERSION = re.compile(
    r"(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})"
    r"(?:-([0-9A-Za-z.-]{1,64}))?(?:\+([0-9A-Za-z.-]{1,64}))?"
)

OVER_FILE_LIMIT = "over_file_limit"
"""In a shard's summary: files left out over `max_files_per_crate`, by crate."""


class CrateRequest(Record, frozen=True):
    """One line of a crate list."""

    name: str
    version: str = ""
    """Pinned version; empty for the newest stable one."""

    def rejected(self, reason: str, detail: str) -> "RejectedCrate":
        """The request as a rejected crate."""
        return RejectedCrate(name=self.name, version=self.version, reason=reason, detail=detail)


class Crate(Record, frozen=True):
    """One crate version whose bytes are on this machine."""

    name: str
    version: str
    kind: Literal["archive", "directory"]
    location: str
    """Absolute path of the archive or of the unpacked folder."""
    registry: str
    url: str
    archive_sha256: str
    """As the registry's index gives it; empty when a directory source does not."""

    @property
    def label(self) -> str:
        """`NAME-VERSION`, as Cargo names the crate's folder."""
        return f"{self.name}-{self.version}"


class Manifest(Record, frozen=True):
    """The fields of a Cargo.toml that the harvest reads."""

    name: str
    version: str
    licence: str | None
    licence_file: bool
    edition: str


class RejectedCrate(Record, frozen=True):
    """A crate that was requested and is not in the corpus, with the reason."""

    name: str
    version: str
    reason: str
    detail: str
    licence: str = ""
    """The expression that the gate refused; empty where the crate was rejected for another reason, or declares none."""


class CrateRecord(Record, frozen=True):
    """A crate that passed the gate: the provenance of its files, for a reader of `crates.jsonl`."""

    crate: Crate
    licence: str
    edition: str
    files: int
    unpacked: str
    """Folder with the crate's full source; empty when only the archive is on this machine."""


def parse_request(line: str) -> CrateRequest:
    """Read `name` or `name@1.2.3`. Raises InputError on anything else."""
    name, _, version = line.strip().partition("@")
    if not NAME.fullmatch(name):
        raise InputError(f"{line!r} is not a crate name: letters, digits, - and _, at most 64, or name@1.2.3")
    if "@" in line and not VERSION.fullmatch(version):
        raise InputError(f"{line!r}: {version!r} is not a full version; write it as in {name}@1.2.3")
    return CrateRequest(name=name, version=version)


def precedence(version: str) -> tuple[int, int, int]:
    """Sort key of a stable version. Raises InputError when the text is not a semantic version."""
    match = VERSION.fullmatch(version)
    if match is None:
        raise InputError(f"{version!r} is not a semantic version")
    return int(match[1]), int(match[2]), int(match[3])


def is_stable(version: str) -> bool:
    """Whether the text is a well-formed version without a pre-release part."""
    match = VERSION.fullmatch(version)
    return match is not None and match[4] is None


def parse_manifest(data: bytes) -> Manifest:
    """Read a Cargo.toml. Raises InputError with the reason when it cannot be read."""
    try:
        package: Any = tomllib.loads(data.decode("utf-8")).get("package")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"Cargo.toml cannot be read: {str(error)[:120]}") from error
    if not isinstance(package, dict) or not isinstance(package.get("name"), str):
        raise InputError("Cargo.toml has no [package] with a name")
    licence = package.get("license")
    return Manifest(
        name=package["name"],
        version=str(package.get("version", "")),
        licence=licence if isinstance(licence, str) else None,
        licence_file="license-file" in package,
        edition=str(package.get("edition", "2015")),
    )
