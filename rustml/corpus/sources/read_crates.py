"""Read the crates of a shard: archives and unpacked folders, through the gate, to source files."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pathspec

from rustml.corpus.gate.admit import ENCODING, HEADER, LICENCE, admit_text
from rustml.corpus.sources import archive, directory
from rustml.corpus.sources.archive import Entry
from rustml.corpus.sources.crate import (
    OVER_FILE_LIMIT,
    Crate,
    CrateRecord,
    Manifest,
    RejectedCrate,
    parse_manifest,
)
from rustml.corpus.sources.source import CRATES, REJECTED
from rustml.errors import InputError
from rustml.licence import Gate
from rustml.origin import MANIFEST, archive_folder
from rustml.profile.harvest import HarvestSection
from rustml.records import SOURCE_FILES, Origin, Record, SourceFile, write_jsonl
from rustml.sharding import Funnel, Summary

ARCHIVE, PATH = "archive", "path"
STAGES = (ARCHIVE, LICENCE, PATH, ENCODING, HEADER)


class ReadCrates(Record, frozen=True):
    """The job: read crates, pass them through the gate, write their files."""

    section: HarvestSection
    crates: tuple[Crate, ...]
    unpack: str
    """Folder for unpacked archives."""

    @property
    def shards(self) -> int:
        """The number of shards: one per `crates_per_shard` crates."""
        return -(-len(self.crates) // self.section.crates_per_shard)

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one shard: its files, its admitted crates and its rejected crates."""
        size = self.section.crates_per_shard
        reader = CrateReader(self.section, Path(self.unpack))
        count = write_jsonl(folder / SOURCE_FILES, reader.files(self.crates[index * size : (index + 1) * size]))
        write_jsonl(folder / CRATES, reader.admitted)
        write_jsonl(folder / REJECTED, reader.rejected)
        return Summary(records=count, funnel=reader.funnel.steps(), counts=reader.counts)


class CrateReader:
    """Reads crates one after the other, and records which were admitted and which rejected."""

    def __init__(self, section: HarvestSection, unpack: Path) -> None:
        self._section = section
        self._unpack = unpack
        self._gate = Gate(section.licences)
        self.funnel = Funnel(STAGES)
        self.admitted: list[CrateRecord] = []
        self.rejected: list[RejectedCrate] = []
        self.counts: dict[str, dict[str, float]] = {"licence": {}, OVER_FILE_LIMIT: {}}
        """Files by declared licence, and files left out over the bound by crate."""

    @cached_property
    def _include(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self._section.include)

    @cached_property
    def _exclude(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self._section.exclude)

    def files(self, crates: tuple[Crate, ...]) -> Iterator[SourceFile]:
        """Yield the admitted files of `crates`; a rejected crate yields none."""
        for crate in crates:
            try:
                entries = list(self._entries(crate))
                manifest = _manifest_of(crate, entries)
            except InputError as error:
                reason, _, detail = str(error).partition(": ")
                self._reject(crate, ARCHIVE, reason, detail)
                continue
            self.funnel.keep(ARCHIVE)
            yield from self._admitted_files(crate, manifest, entries)

    def _entries(self, crate: Crate) -> Iterator[Entry]:
        if crate.kind == "directory":
            return directory.entries(crate, self._section.limits, self._is_read)
        return archive.entries(Path(crate.location), crate.label, self._section.limits)

    def _is_read(self, path: str) -> bool:
        return path == MANIFEST or self._include.match_file(path)

    def _admitted_files(self, crate: Crate, manifest: Manifest, entries: list[Entry]) -> Iterator[SourceFile]:
        refusal = self._gate.refusal(manifest.licence)
        if refusal is not None:
            detail = "license-file alone" if manifest.licence_file and not manifest.licence else refusal.detail
            self._reject(crate, LICENCE, refusal.reason, detail, manifest.licence or "")
            return
        self.funnel.keep(LICENCE)
        licence = str(manifest.licence)
        count = 0
        for entry in self._selected(crate, entries):
            origin = _origin(crate, licence, entry.path)
            file = admit_text(entry.data, origin, self._gate, self.funnel, origin.label)
            if file is not None:
                count += 1
                yield file
        self.counts["licence"][licence] = self.counts["licence"].get(licence, 0) + count
        self.admitted.append(
            CrateRecord(
                crate=crate, licence=licence, edition=manifest.edition, files=count, unpacked=self._full_source(crate)
            )
        )

    def _selected(self, crate: Crate, entries: list[Entry]) -> list[Entry]:
        """The files that the profile's patterns select, in path order, at most `max_files_per_crate`."""
        included = [entry for entry in entries if self._include.match_file(entry.path)]
        selected = sorted(
            (entry for entry in included if not self._exclude.match_file(entry.path)), key=lambda entry: entry.path
        )
        most = self._section.max_files_per_crate
        if len(included) > len(selected):
            self.funnel.drop(PATH, "excluded", crate.label, len(included) - len(selected))
        if len(selected) > most:
            self.funnel.drop(PATH, OVER_FILE_LIMIT, crate.label, len(selected) - most)
            self.counts[OVER_FILE_LIMIT][crate.label] = float(len(selected) - most)
        self.funnel.keep(PATH, len(selected[:most]))
        return selected[:most]

    def _full_source(self, crate: Crate) -> str:
        """The folder of the crate's full source: an archive is unpacked for in-crate judging if the profile says so."""
        if crate.kind == "directory":
            return crate.location
        if not self._section.unpack:
            return ""
        into = archive_folder(self._unpack, crate.archive_sha256)
        into.mkdir(parents=True, exist_ok=True)
        return str(archive.unpack(Path(crate.location), crate.label, self._section.limits, into))

    def _reject(self, crate: Crate, stage: str, reason: str, detail: str, licence: str = "") -> None:
        self.funnel.drop(stage, reason, f"{crate.label}: {detail}")
        self.rejected.append(
            RejectedCrate(name=crate.name, version=crate.version, reason=reason, detail=detail, licence=licence)
        )


def _manifest_of(crate: Crate, entries: list[Entry]) -> Manifest:
    """The crate's manifest. Raises InputError when it is missing, unreadable, or names another crate."""
    data = next((entry.data for entry in entries if entry.path == MANIFEST), None)
    if data is None:
        raise InputError("manifest: the crate has no Cargo.toml")
    try:
        manifest = parse_manifest(data)
    except InputError as error:
        raise InputError(f"manifest: {error}") from error
    if (manifest.name, manifest.version) != (crate.name, crate.version):
        raise InputError(f"manifest: it names the crate {manifest.name} {manifest.version}")
    return manifest


def _origin(crate: Crate, licence: str, path: str) -> Origin:
    return Origin(
        kind="crate",
        name=crate.name,
        licence=licence,
        version=crate.version,
        path=path,
        url=crate.url,
        registry=crate.registry,
        archive_sha256=crate.archive_sha256,
    )
