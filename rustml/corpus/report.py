"""Reports of harvest and curate: counts, funnel, histograms, and the digest of the files written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from rustml.corpus.sources.crate import OVER_FILE_LIMIT, CrateRecord, RejectedCrate
from rustml.records import SOURCE_FILES, Record
from rustml.sharding import FunnelReport, Summary, count_metrics, count_rows, merge
from rustml.sharding.shards import digest

NAMES_PER_LINE = 8


class RefusedCrates(Record, frozen=True):
    """The crates that were rejected for one reason and, where it is their licence, with one expression."""

    reason: str
    licence: str
    """The expression as declared; empty where the reason is another, or none is declared."""
    crates: tuple[str, ...]


class HarvestReport(FunnelReport, frozen=True):
    """The crates and files in the corpus, beside what was asked for, and those that were rejected."""

    stage: ClassVar = "harvest"
    source: str
    """The registry or directory source that was used."""
    note: str
    """Why the declared alternative was used; empty when the first source answered."""
    requests: int
    """Crates that the profile asks for."""
    crates: int
    refused: int
    files: int
    licences: dict[str, float]
    """Files by declared licence."""
    refusals: dict[str, int]
    """Rejected crates by reason."""
    refused_crates: tuple[RefusedCrates, ...]
    """The same by reason and licence expression, the largest group of each reason first."""
    file_limit: int
    """`harvest.max_files_per_crate`."""
    over_file_limit: dict[str, int]
    """Files left out over that bound, by crate, the largest number first."""
    digest: str
    """SHA-256 over the shards of files."""

    def counts(self) -> Mapping[str, float]:
        """Crates asked for, taken and refused, and files."""
        counts = {"crates": self.crates, "crates_refused": self.refused, "files": self.files}
        return counts | {"crates_requested": self.requests, "crates_over_file_limit": len(self.over_file_limit)}

    def details(self) -> Mapping[str, list[dict[str, Any]]]:
        """Files by licence; crates asked for, refused, and over the bound on files."""
        return {
            "licences": count_rows("licence", self.licences),
            "requests": self._request_rows(),
            "refusals": [
                {"reason": group.reason, "licence": group.licence, "count": len(group.crates)}
                | {"crates": " ".join(group.crates)}
                for group in self.refused_crates
            ],
            "over_file_limit": [
                {"crate": crate, "files": self.file_limit + count, "left_out": count, "limit": self.file_limit}
                for crate, count in self.over_file_limit.items()
            ],
        }

    def _request_rows(self) -> list[dict[str, Any]]:
        """What was asked for beside what became of it."""
        rejected = [{"crates": f"refused: {reason}", "count": count} for reason, count in self.refusals.items()]
        return [{"crates": "asked", "count": self.requests}, {"crates": "kept", "count": self.crates}, *rejected]

    def lines(self) -> list[str]:
        """The same for a reader of the log: crates asked for, kept, and refused; crates over the bound on files."""
        lines = [f"crates: {self.requests} asked, {self.crates} kept, {self.refused} refused"]
        for group in self.refused_crates:
            licence = f" ({group.licence})" if group.licence else ""
            lines.append(f"  {group.reason}{licence}: {len(group.crates)}: {_names(group.crates)}")
        if self.over_file_limit:
            most = self.file_limit
            crates = [f"{crate} {count} of {most + count}" for crate, count in self.over_file_limit.items()]
            lines.append(f"files over harvest.max_files_per_crate ({most}), left out: {_names(crates)}")
        return lines

    def histograms(self) -> dict[str, dict[str, float]]:
        """Histograms by name: a count per value."""
        return {"licence": self.licences, "refused crates": dict(self.refusals)}


class CurateReport(FunnelReport, frozen=True):
    """The files that are worth training on, and the reasons for dropping the others."""

    stage: ClassVar = "curate"
    files: int
    characters: int
    line_counts: dict[str, float]
    """Files by number of lines, in powers of two."""
    contaminated: dict[str, int]
    """Files dropped for overlapping a problem, by bank; a file may overlap several."""
    digest: str

    def counts(self) -> Mapping[str, float]:
        """Files, their characters, and contaminated files by bank."""
        counts = {"files": self.files, "characters": self.characters}
        return counts | count_metrics("contaminated", self.contaminated)

    def details(self) -> Mapping[str, list[dict[str, Any]]]:
        """Files by length, and contaminated ones by bank."""
        return {"lines": count_rows("lines", self.line_counts), "contaminated": count_rows("bank", self.contaminated)}

    def histograms(self) -> dict[str, dict[str, float]]:
        """Histograms by name: a count per value."""
        return {"lines per file": self.line_counts}


def total(summaries: Iterable[Summary], name: str) -> dict[str, float]:
    """Sum the histogram `name` over shards, sorted by value."""
    sums: dict[str, float] = {}
    for summary in summaries:
        for value, count in summary.counts.get(name, {}).items():
            sums[value] = sums.get(value, 0) + count
    return dict(sorted(sums.items()))


def _names(names: Sequence[str]) -> str:
    more = len(names) - NAMES_PER_LINE
    return ", ".join(names[:NAMES_PER_LINE]) + (f" and {more} more" if more > 0 else "")


def _grouped(rejected: Iterable[RejectedCrate]) -> tuple[RefusedCrates, ...]:
    """Rejected crates by reason and licence expression."""
    names: dict[tuple[str, str], list[str]] = {}
    for crate in rejected:
        names.setdefault((crate.reason, crate.licence), []).append(crate.name)
    order = sorted(names, key=lambda key: (key[0], -len(names[key]), key[1]))
    return tuple(
        RefusedCrates(reason=reason, licence=licence, crates=tuple(names[reason, licence])) for reason, licence in order
    )


def harvest_report(
    source: str,
    note: str,
    requests: int,
    admitted: Sequence[CrateRecord],
    rejected: Sequence[RejectedCrate],
    shards: Sequence[Summary],
    file_limit: int,
) -> HarvestReport:
    """Assemble the report of a harvest from its shards' summaries."""
    over = total(shards, OVER_FILE_LIMIT)
    return HarvestReport(
        source=source,
        note=note,
        requests=requests,
        crates=len(admitted),
        refused=len(rejected),
        files=sum(summary.records for summary in shards),
        funnel=merge(summary.funnel for summary in shards),
        licences=total(shards, "licence"),
        refusals=dict(sorted(Counter(crate.reason for crate in rejected).items())),
        refused_crates=_grouped(rejected),
        file_limit=file_limit,
        over_file_limit={crate: int(over[crate]) for crate in sorted(over, key=lambda name: -over[name])},
        digest=digest(shards, SOURCE_FILES),
    )
