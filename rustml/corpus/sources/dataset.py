"""A data set of source files as a source: from the Hugging Face hub, or local JSONL and parquet of the same columns."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rustml.corpus.gate.licence_headers import contradiction
from rustml.errors import InputError
from rustml.licence import Gate
from rustml.profile.harvest import DatasetSource
from rustml.records import Origin, Record, SourceFile, write_jsonl
from rustml.sharding import Funnel, Summary
from rustml.sharding.hub_datasets import hub_rows, local_rows

STAGES = ("licence", "encoding", "header")
SUFFIXES = {".jsonl", ".parquet"}


class TakeDataset(Record, frozen=True):
    """The job: read rows, gate each, write the files. One shard a local file; a data set of the hub is one shard."""

    source: DatasetSource
    files: tuple[str, ...]
    """Local files; empty for the hub."""
    licences: tuple[str, ...]

    @property
    def shards(self) -> int:
        """How many shards the data set makes."""
        return len(self.files) or 1

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one shard."""
        rows = local_rows(Path(self.files[index])) if self.files else hub_rows(self.source.name, self.source.split)
        funnel, gate = Funnel(STAGES), Gate(self.licences)
        counts: dict[str, float] = {}
        place = Path(self.files[index]).name if self.files else self.source.split

        def kept() -> Iterator[SourceFile]:
            for number, row in enumerate(islice(rows, self.source.take or None)):
                file = _file(self.source, row, f"{place}/{number}", gate, funnel)
                if file is not None:
                    counts[file.origin.licence] = counts.get(file.origin.licence, 0) + 1
                    yield file

        records = write_jsonl(folder / "files.jsonl", kept())
        return Summary(records=records, funnel=funnel.steps(), counts={"licence": counts})


def plan(source: DatasetSource, licences: tuple[str, ...]) -> TakeDataset:
    """The job for a data set. Raises InputError when its licence is refused or a local one has no files."""
    if bool(source.licence) == bool(source.licence_column):
        raise InputError(f"harvest.datasets: {source.name} needs either 'licence' or 'licence_column'")
    refusal = Gate(licences).refusal(source.licence) if source.licence else None
    if refusal:
        raise InputError(f"harvest.datasets: {source.name}: {refusal.reason}: {refusal.detail}")
    path = Path(source.name)
    if not path.exists():
        return TakeDataset(source=source, files=(), licences=licences)
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    files = tuple(str(file) for file in found if file.suffix in SUFFIXES)
    if not files:
        raise InputError(f"harvest.datasets: {path} holds no .jsonl or .parquet file")
    return TakeDataset(source=source, files=files, licences=licences)


def _file(source: DatasetSource, row: dict[str, Any], place: str, gate: Gate, funnel: Funnel) -> SourceFile | None:
    """The row as a file, or None, counted, where the gate or the encoding refuses it."""
    licence, path, text = _columns(source, row)
    label = f"{source.name}/{place}"
    refusal = gate.refusal(licence)
    if refusal is not None:
        funnel.drop("licence", refusal.reason, f"{label}: {refusal.detail}")
        return None
    funnel.keep("licence")
    if not isinstance(text, str) or any("\ud800" <= character <= "\udfff" for character in text):
        funnel.drop("encoding", "not_text", label)
        return None
    funnel.keep("encoding")
    contradicted = contradiction(text, gate)
    if contradicted is not None:
        funnel.drop("header", contradicted.reason, f"{label}: {contradicted.detail}")
        return None
    funnel.keep("header")
    origin = Origin(
        kind="dataset",
        name=source.name,
        licence=str(licence),
        path=path,
        url="" if Path(source.name).exists() else f"https://huggingface.co/datasets/{source.name}",
        registry=place,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    return SourceFile(origin=origin, text=text)


def _columns(source: DatasetSource, row: dict[str, Any]) -> tuple[str | None, str, Any]:
    """Licence, path and content; a licence column may hold one expression or a list, of which all must pass."""
    try:
        licence = row[source.licence_column] if source.licence_column else source.licence
        joined = " AND ".join(map(str, licence)) if isinstance(licence, list) else licence
        return joined, str(row[source.path_column]), row[source.content_column]
    except KeyError as error:
        raise InputError(f"harvest.datasets: {source.name} has no column {error}; it has {', '.join(row)}") from error
