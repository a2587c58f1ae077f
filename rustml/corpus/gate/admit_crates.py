"""Take the files of a shard of crates through the licence gate."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pathspec

from rustml.corpus.gate.licence_headers import contradiction
from rustml.corpus.sources import archive, directory
from rustml.corpus.sources.archive import Entry
from rustml.corpus.sources.crate import Crate, CrateRecord, Manifest, Refused, parse_manifest
from rustml.errors import InputError
from rustml.licence import Gate
from rustml.profile.harvest import HarvestSection
from rustml.records import Origin, Record, SourceFile, write_jsonl
from rustml.sharding import Funnel, Summary

FILES, CRATES, REFUSED = "files.jsonl", "crates.jsonl", "refused.jsonl"
MANIFEST = "Cargo.toml"
STAGES = ("archive", "licence", "path", "encoding", "header")


class TakeCrates(Record, frozen=True):
    """The job: read crates, gate them, write their files."""

    section: HarvestSection
    crates: tuple[Crate, ...]
    unpack: str
    """Folder for unpacked archives."""

    @property
    def shards(self) -> int:
        """How many shards the crates make."""
        return -(-len(self.crates) // self.section.crates_per_shard)

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one shard: its files, its crates and what was refused."""
        size = self.section.crates_per_shard
        taker = Taker(self.section, Path(self.unpack))
        count = write_jsonl(folder / FILES, taker.files(self.crates[index * size : (index + 1) * size]))
        write_jsonl(folder / CRATES, taker.kept)
        write_jsonl(folder / REFUSED, taker.refused)
        return Summary(records=count, funnel=taker.funnel.steps(), counts={"licence": taker.licences})


class Taker:
    """Reads crates one after the other and remembers what became of them."""

    def __init__(self, section: HarvestSection, unpack: Path) -> None:
        self._section, self._unpack = section, unpack
        self._gate = Gate(section.licences)
        self.funnel = Funnel(STAGES)
        self.kept: list[CrateRecord] = []
        self.refused: list[Refused] = []
        self.licences: dict[str, float] = {}

    @cached_property
    def _include(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self._section.include)

    @cached_property
    def _exclude(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self._section.exclude)

    def files(self, crates: tuple[Crate, ...]) -> Iterator[SourceFile]:
        """Yield the surviving files of `crates`; a crate that is refused yields none."""
        for crate in crates:
            try:
                entries = list(self._entries(crate))
                manifest = _own_manifest(crate, entries)
            except InputError as error:
                reason, _, detail = str(error).partition(": ")
                self._refuse(crate, "archive", reason, detail)
                continue
            self.funnel.keep("archive")
            yield from self._gated(crate, manifest, entries)

    def _entries(self, crate: Crate) -> Iterator[Entry]:
        if crate.kind == "directory":
            return directory.entries(crate, self._section.limits, self._reads)
        return archive.entries(Path(crate.location), f"{crate.name}-{crate.version}", self._section.limits)

    def _reads(self, path: str) -> bool:
        return path == MANIFEST or self._include.match_file(path)

    def _gated(self, crate: Crate, manifest: Manifest, entries: list[Entry]) -> Iterator[SourceFile]:
        refusal = self._gate.refusal(manifest.licence)
        if refusal is not None:
            detail = "license-file alone" if manifest.licence_file and not manifest.licence else refusal.detail
            self._refuse(crate, "licence", refusal.reason, detail)
            return
        self.funnel.keep("licence")
        licence = str(manifest.licence)
        taken = 0
        for entry in self._chosen(crate, entries):
            file = self._file(crate, licence, entry)
            if file is not None:
                taken += 1
                yield file
        self.licences[licence] = self.licences.get(licence, 0) + taken
        unpacked = self._unpacked(crate)
        self.kept.append(
            CrateRecord(crate=crate, licence=licence, edition=manifest.edition, files=taken, unpacked=unpacked)
        )

    def _chosen(self, crate: Crate, entries: list[Entry]) -> list[Entry]:
        """The files that the profile's patterns take, in path order, at most so many a crate."""
        chosen = [entry for entry in entries if self._include.match_file(entry.path)]
        kept = sorted(
            (entry for entry in chosen if not self._exclude.match_file(entry.path)), key=lambda entry: entry.path
        )
        most = self._section.max_files_per_crate
        label = f"{crate.name}-{crate.version}"
        if len(chosen) > len(kept):
            self.funnel.drop("path", "excluded", label, len(chosen) - len(kept))
        if len(kept) > most:
            self.funnel.drop("path", "over_file_limit", label, len(kept) - most)
        self.funnel.keep("path", len(kept[:most]))
        return kept[:most]

    def _file(self, crate: Crate, licence: str, entry: Entry) -> SourceFile | None:
        label = f"{crate.name}-{crate.version}/{entry.path}"
        try:
            text = entry.data.decode("utf-8")
        except UnicodeDecodeError:
            self.funnel.drop("encoding", "not_utf8", label)
            return None
        self.funnel.keep("encoding")
        refusal = contradiction(text, self._gate)
        if refusal is not None:
            self.funnel.drop("header", refusal.reason, f"{label}: {refusal.detail}")
            return None
        self.funnel.keep("header")
        return SourceFile(origin=_origin(crate, licence, entry), text=text)

    def _unpacked(self, crate: Crate) -> str:
        if crate.kind == "directory":
            return crate.location
        if not self._section.unpack:
            return ""
        into = self._unpack / crate.archive_sha256
        into.mkdir(parents=True, exist_ok=True)
        label = f"{crate.name}-{crate.version}"
        return str(archive.unpack(Path(crate.location), label, self._section.limits, into))

    def _refuse(self, crate: Crate, stage: str, reason: str, detail: str) -> None:
        self.funnel.drop(stage, reason, f"{crate.name}-{crate.version}: {detail}")
        self.refused.append(Refused(name=crate.name, version=crate.version, reason=reason, detail=detail))


def _own_manifest(crate: Crate, entries: list[Entry]) -> Manifest:
    """The crate's manifest, which must speak of this crate. Raises InputError."""
    data = next((entry.data for entry in entries if entry.path == MANIFEST), None)
    if data is None:
        raise InputError("manifest: the crate has no Cargo.toml")
    try:
        manifest = parse_manifest(data)
    except InputError as error:
        raise InputError(f"manifest: {error}") from error
    if (manifest.name, manifest.version) != (crate.name, crate.version):
        raise InputError(f"manifest: it calls itself {manifest.name} {manifest.version}")
    return manifest


def _origin(crate: Crate, licence: str, entry: Entry) -> Origin:
    return Origin(
        kind="crate",
        name=crate.name,
        licence=licence,
        version=crate.version,
        path=entry.path,
        url=crate.url,
        registry=crate.registry,
        sha256=hashlib.sha256(entry.data).hexdigest(),
        archive_sha256=crate.archive_sha256,
    )
