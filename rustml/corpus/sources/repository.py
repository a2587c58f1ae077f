"""A team's own git history as a source: the files at HEAD, with what was said when each last changed.

Weights follow features.md 3.11: by where a file lies, by what its last commit speaks of, and by how long ago that was.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pathspec

from rustml.corpus.gate.licence_headers import contradiction
from rustml.errors import InputError
from rustml.licence import Gate
from rustml.profile.harvest import RepositorySource
from rustml.records import Origin, Record, SourceFile, write_jsonl
from rustml.sharding import Funnel, Summary

STAGES = ("path", "encoding", "header")
PLACES = (
    (re.compile(r"(?:^|/)lib\.rs$"), 2.0),
    (re.compile(r"(?:^|/)main\.rs$"), 1.5),
    (re.compile(r"(?:^|/)tests/"), 0.7),
    (re.compile(r"(?:^|/)src/.*\.rs$"), 1.3),
    (re.compile(r"(?:^|/)Cargo\.toml$"), 0.5),
)
SPOKEN = (
    (re.compile(r"\b(?:impl|trait|async|unsafe)\b", re.IGNORECASE), 1.5),
    (re.compile(r"\b(?:error|result|unwrap|expect)\b", re.IGNORECASE), 1.3),
)
SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Change:
    """The last commit that touched a file."""

    commit: str
    seconds: int
    """Committer date, Unix time."""
    message: str


class TakeRepository(Record, frozen=True):
    """The job: one shard a repository."""

    source: RepositorySource
    head: str
    """The commit that is read."""
    licences: tuple[str, ...]

    @property
    def shards(self) -> int:
        """One."""
        return 1

    def __call__(self, index: int, folder: Path) -> Summary:  # noqa: ARG002  one shard
        """Write the repository's Rust files, the weightiest first."""
        funnel = Funnel(STAGES)
        files = sorted(self._files(funnel), key=lambda file: (-file.weight, file.origin.path))
        records = write_jsonl(folder / "files.jsonl", files)
        return Summary(
            records=records, funnel=funnel.steps(), counts={"licence": {self.source.licence: float(records)}}
        )

    def _files(self, funnel: Funnel) -> Iterator[SourceFile]:
        gate = Gate(self.licences)
        ignored = pathspec.GitIgnoreSpec.from_lines(self.source.ignore)
        changes = history(Path(self.source.path), self.head)
        now = max((change.seconds for change in changes.values()), default=0)
        for path in _git(self.source.path, "ls-tree", "-r", "-z", "--name-only", self.head).decode().split("\0"):
            if not path.endswith(".rs"):
                continue
            if ignored.match_file(path):
                funnel.drop("path", "artefact", path)
                continue
            funnel.keep("path")
            data = _git(self.source.path, "show", f"{self.head}:{path}")
            file = self._file(path, data, changes.get(path, Change(self.head, now, "")), now, gate, funnel)
            if file is not None:
                yield file

    def _file(self, path: str, data: bytes, change: Change, now: int, gate: Gate, funnel: Funnel) -> SourceFile | None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            funnel.drop("encoding", "not_utf8", path)
            return None
        funnel.keep("encoding")
        contradicted = contradiction(text, gate)
        if contradicted is not None:
            funnel.drop("header", contradicted.reason, f"{path}: {contradicted.detail}")
            return None
        funnel.keep("header")
        origin = Origin(
            kind="git",
            name=Path(self.source.path).name,
            licence=self.source.licence,
            version=change.commit,
            path=path,
            url=f"{Path(self.source.path).resolve().as_uri()}#{self.head}",
            sha256=hashlib.sha256(data).hexdigest(),
        )
        days = (now - change.seconds) / SECONDS_A_DAY
        value = weight(path, change.message, days, self.source.half_life_days)
        return SourceFile(origin=origin, text=text, weight=value, message=change.message)


def plan(source: RepositorySource, licences: tuple[str, ...]) -> TakeRepository:
    """The job for a repository at its HEAD. Raises InputError when it is none, or its licence is refused."""
    refusal = Gate(licences).refusal(source.licence)
    if refusal:
        raise InputError(f"harvest.repositories: {source.path}: {refusal.reason}: {refusal.detail}")
    head = _git(source.path, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    return TakeRepository(source=source, head=head, licences=licences)


def weight(path: str, message: str, days: float, half_life_days: float) -> float:
    """Importance of a file: place times subject of its last commit times recency, which halves every half-life."""
    value = next((factor for pattern, factor in PLACES if pattern.search(path)), 1.0)
    for pattern, factor in SPOKEN:
        value *= factor if pattern.search(message) else 1.0
    return float(value * 0.5 ** (max(days, 0.0) / half_life_days))


def history(repository: Path, head: str) -> dict[str, Change]:
    """The last commit that touched each path, newest commits first."""
    log = _git(str(repository), "log", "--format=%x01%H%x02%ct%x02%B%x03", "--name-only", "-z", "-m", head)
    changes: dict[str, Change] = {}
    for entry in log.decode("utf-8", "replace").split("\x01")[1:]:
        header, _, paths = entry.partition("\x03")
        commit, seconds, message = header.split("\x02", 2)
        change = Change(commit, int(seconds), message.strip())
        for path in paths.split("\0"):
            if path.strip():
                changes.setdefault(path.strip("\n"), change)
    return changes


def _git(repository: str, *words: str) -> bytes:
    """Run git on a repository without its hooks, filters or pagers. Raises InputError with what git said."""
    command = [
        "git",
        "--no-pager",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.quotePath=false",
        "-C",
        repository,
        *words,
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"harvest.repositories: {repository}: {reason[-1] if reason else 'git failed'}")
    return done.stdout
