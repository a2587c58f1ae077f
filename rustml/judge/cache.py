"""Verdicts kept from one run to the next."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import InputError
from rustml.io import write_cache_entry
from rustml.judge.verdicts import with_id
from rustml.records import Candidate, Verdict


class Cache:
    """A folder of verdicts, each under the digest of everything that it depends on.

    An entry appears whole or not at all, and one that cannot be read counts as absent. Verdicts that the machine may
    have caused (`infrastructure`, and those marked `transient`) are never kept.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """`settings` are the limits, the toolchain and the mode. Raises InputError when the folder is not writable."""
        self._folder = folder
        self._settings = msgspec.json.encode([settings, code_version()], order="sorted")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the cache folder {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK):
            raise InputError(f"the cache folder {folder} is not writable; name another one, or none")

    def get(self, candidate: Candidate, crates: str = "") -> Verdict | None:
        """The verdict on this content with these crates, which a digest names, if it is known."""
        try:
            return msgspec.json.decode(self._path(candidate, crates).read_bytes(), type=Verdict)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, candidate: Candidate, verdict: Verdict, crates: str = "") -> None:
        """Keep a verdict, unless the machine may have caused it. A full disk is not a fault: it is judged again."""
        if verdict.status == "infrastructure" or verdict.transient:
            return
        path = self._path(candidate, crates)
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            write_cache_entry(path, msgspec.json.encode(verdict))

    def _path(self, candidate: Candidate, crates: str) -> Path:
        # A lone surrogate is legal in a Python string, and in no encoding.
        content = repr(with_id(candidate, "")).encode("utf-8", "backslashreplace")
        digest = hashlib.sha256(self._settings + crates.encode() + content).hexdigest()
        return self._folder / digest[:2] / f"{digest}.json"


def code_version() -> str:
    """The digest of the judge's own source: another judge may come to another verdict."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for room in ("judge", "rust", "sandbox"):
        for path in sorted([*(package / room).rglob("*.py"), *(package / room).rglob("*.rs")]):
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
