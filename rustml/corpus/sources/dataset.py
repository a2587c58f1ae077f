"""Data sets of source files: from the Hugging Face hub, or local JSON Lines and parquet files of the same columns."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rustml.contents import files_contents
from rustml.corpus.gate.admit import STAGES, admit
from rustml.corpus.sources.source import Contents, Planned
from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow, hub_dataset, hub_rows, local_rows, pinned
from rustml.licence import Gate
from rustml.origin import hub_url
from rustml.profile.harvest import DatasetSource, HarvestSection
from rustml.progress import ProgressCallback
from rustml.records import SOURCE_FILES, Origin, Record, SourceFile, write_jsonl
from rustml.sharding import Funnel, Summary

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


class ReadDataset(Record, frozen=True, omit_defaults=True):
    """The job: read rows, pass each through the gate, write the files. One shard per local file, or one for the hub."""

    source: DatasetSource
    files: tuple[str, ...]
    """Local files; empty for the hub."""
    licences: tuple[str, ...]
    commit: str = ""
    """The hub's commit that is read; empty for local files."""

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len(self.files) or 1

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one shard."""
        funnel = Funnel(STAGES)
        counts: dict[str, float] = {}
        records = write_jsonl(folder / SOURCE_FILES, self._admitted(index, funnel, counts))
        return Summary(records=records, funnel=funnel.steps(), counts={"licence": counts})

    def _admitted(self, index: int, funnel: Funnel, counts: dict[str, float]) -> Iterator[SourceFile]:
        gate = Gate(self.licences)
        part = Path(self.files[index]).name if self.files else self.source.split
        for number, row in enumerate(islice(self._rows(index), self.source.take or None)):
            content, origin = self._origin(row, f"{part}/{number}")
            file = admit(content, origin, gate, funnel, f"{self.source.name}/{origin.registry}")
            if file is not None:
                counts[file.origin.licence] = counts.get(file.origin.licence, 0) + 1
                yield file

    def _rows(self, index: int) -> Iterator[LocatedRow]:
        if self.files:
            return local_rows(Path(self.files[index]))
        return hub_rows(hub_dataset(self.source.name)._replace(revision=self.commit), self.source.split)

    def _origin(self, row: LocatedRow, position: str) -> tuple[Any, Origin]:
        """The content of a row and its origin; a list of licences must pass the gate as a whole."""
        licence, path, content = _columns(self.source, row)
        repository = hub_dataset(self.source.name).repository
        return content, Origin(
            kind="dataset",
            name=self.source.name if self.files else repository,
            licence=licence,
            version=self.commit,
            path=path,
            url="" if self.files else hub_url(repository),
            registry=position,
        )


def check(section: HarvestSection) -> None:
    """Raise InputError when the licence of a data set is refused, or a local one has no files."""
    for source in section.datasets:
        if bool(source.licence) == bool(source.licence_column):
            raise InputError(f"harvest.datasets: {source.name} needs either 'licence' or 'licence_column'")
        refusal = Gate(section.licences).refusal(source.licence) if source.licence else None
        if refusal:
            raise InputError(f"harvest.datasets: {source.name}: {refusal.reason}: {refusal.detail}")
        if Path(source.name).exists():
            _files(Path(source.name))
        else:
            hub_dataset(source.name)


def contents(section: HarvestSection) -> Contents:
    """Digests of the local data sets. Raises InputError as `check` does."""
    check(section)
    digests: Contents = {}
    for number, source in enumerate(section.datasets):
        if Path(source.name).exists():
            digest = files_contents(map(Path, _files(Path(source.name))), "harvest.datasets")
            digests["datasets", number, "name"] = f"{source.name}@{digest}"
    return digests


def plan(section: HarvestSection, cache: Path, progress: ProgressCallback) -> Planned:  # noqa: ARG001  a Source
    """The jobs of all data sets; those of the hub are read at the commit that their name stands for now."""
    return Planned(tuple(job_for(source, section.licences) for source in section.datasets))


def job_for(source: DatasetSource, licences: tuple[str, ...]) -> ReadDataset:
    """The job of one data set. Raises InputError and EnvironmentFault as `hub_datasets.pinned` does."""
    path = Path(source.name)
    if path.exists():
        return ReadDataset(source=source, files=_files(path), licences=licences)
    commit = pinned(hub_dataset(source.name)).revision or ""
    return ReadDataset(source=source, files=(), licences=licences, commit=commit)


def _files(path: Path) -> tuple[str, ...]:
    """The files of a local data set, sorted. Raises InputError when there are none."""
    candidates = [path] if path.is_file() else sorted(path.rglob("*"))
    files = tuple(str(file) for file in candidates if file.name.endswith(SUFFIXES))
    if not files:
        raise InputError(f"harvest.datasets: {path} holds no {', '.join(SUFFIXES)} file")
    return files


def _columns(source: DatasetSource, row: LocatedRow) -> tuple[str, str, Any]:
    """Licence, path and content of a row; several licences in a list are joined by AND."""
    try:
        licence = row.value[source.licence_column] if source.licence_column else source.licence
        joined = " AND ".join(map(str, licence)) if isinstance(licence, list) else licence
        return str(joined or ""), str(row.value[source.path_column]), row.value[source.content_column]
    except KeyError as error:
        raise InputError(
            f"harvest.datasets: {row.location}: no column {error}; there are {', '.join(row.value) or 'none'}"
        ) from error
