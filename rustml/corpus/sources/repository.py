"""Git repositories of Rust files, at HEAD, with a weight per file.

The weight is a product of three factors: the file's path, the subject of its last commit, and the age of that commit.
It says how much likelier than another file one is drawn where a part of the corpus is drawn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pathspec

from rustml.corpus.gate.admit import ENCODING, HEADER, admit_text
from rustml.corpus.sources.source import Contents, Planned
from rustml.errors import InputError
from rustml.git_repository import git, head
from rustml.licence import Gate
from rustml.origin import commit_url
from rustml.profile.harvest import HarvestSection, RepositorySource
from rustml.progress import ProgressCallback
from rustml.records import SOURCE_FILES, Origin, Record, SourceFile, write_jsonl
from rustml.sharding import Funnel, Summary

PATH = "path"
STAGES = (PATH, ENCODING, HEADER)
PATH_FACTORS = (
    (re.compile(r"(?:^|/)lib\.rs$"), 2.0),
    (re.compile(r"(?:^|/)main\.rs$"), 1.5),
    (re.compile(r"(?:^|/)tests/"), 0.7),
    (re.compile(r"(?:^|/)src/.*\.rs$"), 1.3),
    (re.compile(r"(?:^|/)Cargo\.toml$"), 0.5),
)
MESSAGE_FACTORS = (
    (re.compile(r"\b(?:impl|trait|async|unsafe)\b", re.IGNORECASE), 1.5),
    (re.compile(r"\b(?:error|result|unwrap|expect)\b", re.IGNORECASE), 1.3),
)
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Change:
    """The last commit that touched a file."""

    commit: str
    seconds: int
    """Committer date, Unix time."""
    message: str


class ReadRepository(Record, frozen=True):
    """The job: one shard per repository."""

    source: RepositorySource
    head: str
    """The commit that is read."""
    licences: tuple[str, ...]

    @property
    def shards(self) -> int:
        """The number of shards: one per repository."""
        return 1

    def __call__(self, index: int, folder: Path) -> Summary:  # noqa: ARG002  one shard
        """Write the repository's Rust files, those of the highest weight first."""
        funnel = Funnel(STAGES)
        files = sorted(self._files(funnel), key=lambda file: (-file.weight, file.origin.path))
        records = write_jsonl(folder / SOURCE_FILES, files)
        return Summary(
            records=records, funnel=funnel.steps(), counts={"licence": {self.source.licence: float(records)}}
        )

    def _files(self, funnel: Funnel) -> Iterator[SourceFile]:
        gate = Gate(self.licences)
        ignored = pathspec.GitIgnoreSpec.from_lines(self.source.ignore)
        changes = history(Path(self.source.path), self.head)
        now = max((change.seconds for change in changes.values()), default=0)
        for path in git(self.source.path, "ls-tree", "-r", "-z", "--name-only", self.head).decode().split("\0"):
            if not path.endswith(".rs"):
                continue
            if ignored.match_file(path):
                funnel.drop(PATH, "artefact", path)
                continue
            funnel.keep(PATH)
            data = git(self.source.path, "show", f"{self.head}:{path}")
            file = self._file(path, data, changes.get(path, Change(self.head, now, "")), now, gate, funnel)
            if file is not None:
                yield file

    def _file(self, path: str, data: bytes, change: Change, now: int, gate: Gate, funnel: Funnel) -> SourceFile | None:
        origin = Origin(
            kind="git",
            name=Path(self.source.path).name,
            licence=self.source.licence,
            version=change.commit,
            path=path,
            url=commit_url(Path(self.source.path), self.head),
        )
        file = admit_text(data, origin, gate, funnel, path)
        if file is None:
            return None
        days = (now - change.seconds) / SECONDS_PER_DAY
        value = weight(path, change.message, days, self.source.half_life_days)
        return msgspec.structs.replace(file, weight=value)


def check(section: HarvestSection) -> None:
    """Raise InputError when the path of a repository is not a git repository, or its licence is refused."""
    for source in section.repositories:
        refusal = Gate(section.licences).refusal(source.licence)
        if refusal:
            raise InputError(f"harvest.repositories: {source.path}: {refusal.reason}: {refusal.detail}")
        head(source.path)


def contents(section: HarvestSection) -> Contents:
    """The commits at HEAD: a harvest reads nothing else of a repository. Raises InputError as `check` does."""
    check(section)
    return {
        ("repositories", number, "path"): f"{source.path}@{head(source.path)}"
        for number, source in enumerate(section.repositories)
    }


def plan(section: HarvestSection, cache: Path, progress: ProgressCallback) -> Planned:  # noqa: ARG001  a Source
    """The jobs of all repositories, each at its HEAD. Raises InputError as git does."""
    jobs = [
        ReadRepository(source=source, head=head(source.path), licences=section.licences)
        for source in section.repositories
    ]
    return Planned(tuple(jobs))


def weight(path: str, message: str, days: float, half_life_days: float) -> float:
    """Weight of a file: factor of its path, times factors of its last commit's message, times 0.5 per half-life."""
    value = next((factor for pattern, factor in PATH_FACTORS if pattern.search(path)), 1.0)
    for pattern, factor in MESSAGE_FACTORS:
        value *= factor if pattern.search(message) else 1.0
    return float(value * 0.5 ** (max(days, 0.0) / half_life_days))


def history(repository: Path, head: str) -> dict[str, Change]:
    """The last commit that touched each path, newest commits first."""
    log = git(str(repository), "log", "--format=%x01%H%x02%ct%x02%B%x03", "--name-only", "-z", "-m", head)
    changes: dict[str, Change] = {}
    for entry in log.decode("utf-8", "replace").split("\x01")[1:]:
        header, _, paths = entry.partition("\x03")
        commit, seconds, message = header.split("\x02", 2)
        change = Change(commit, int(seconds), message.strip())
        for path in paths.split("\0"):
            if path.strip():
                changes.setdefault(path.strip("\n"), change)
    return changes
