"""Reports of harvest and curate: counts, funnel, histograms, and the digest of the files written."""

from collections.abc import Iterable, Sequence
from typing import Any

from rustml.corpus.sources.crate import OVER_FILE_LIMIT, CrateRecord, RejectedCrate
from rustml.records import SOURCE_FILES, Record
from rustml.sharding import Step, Summary, merge, rows, step_metrics
from rustml.sharding.shards import digest

NAMES_PER_LINE = 8


class RefusedCrates(Record, frozen=True):
    """The crates that were rejected for one reason and, where it is their licence, with one expression."""

    reason: str
    licence: str
    """The expression as declared; empty where the reason is another, or none is declared."""
    crates: tuple[str, ...]


class HarvestReport(Record, frozen=True):
    """The crates and files in the corpus, beside what was asked for, and those that were rejected."""

    source: str
    """The registry or directory source that was used."""
    note: str
    """Why the declared alternative was used; empty when the first source answered."""
    requests: int
    """Crates that the profile asks for."""
    crates: int
    refused: int
    files: int
    funnel: tuple[Step, ...]
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

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        counts = {"crates": self.crates, "crates_refused": self.refused, "files": self.files}
        counts |= {"crates_requested": self.requests, "crates_over_file_limit": len(self.over_file_limit)}
        return {f"harvest.{name}": float(value) for name, value in counts.items()} | step_metrics(
            "harvest", self.funnel
        )

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        return {
            "harvest/funnel.json": rows(self.funnel),
            "harvest/licences.json": histogram_rows("licence", self.licences),
            "harvest/requests.json": self._request_rows(),
            "harvest/refusals.json": [
                {"reason": group.reason, "licence": group.licence, "count": len(group.crates)}
                | {"crates": " ".join(group.crates)}
                for group in self.refused_crates
            ],
            "harvest/over_file_limit.json": [
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


class CurateReport(Record, frozen=True):
    """The files that are worth training on, and the reasons for dropping the others."""

    files: int
    characters: int
    funnel: tuple[Step, ...]
    line_counts: dict[str, float]
    """Files by number of lines, in powers of two."""
    contaminated: dict[str, int]
    """Files dropped for overlapping a problem, by bank; a file may overlap several."""
    digest: str

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        counts = {"files": self.files, "characters": self.characters}
        counts |= {f"contaminated.{bank}": count for bank, count in self.contaminated.items()}
        return {f"curate.{name}": float(value) for name, value in counts.items()} | step_metrics("curate", self.funnel)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        return {
            "curate/funnel.json": rows(self.funnel),
            "curate/lines.json": histogram_rows("lines", self.line_counts),
            "curate/contaminated.json": histogram_rows("bank", self.contaminated),
        }

    def histograms(self) -> dict[str, dict[str, float]]:
        """Histograms by name: a count per value."""
        return {"lines per file": self.line_counts}


def histogram_rows(column: str, histogram: "dict[str, float] | dict[str, int]") -> list[dict[str, Any]]:
    """A histogram as table rows."""
    return [{column: value, "count": count} for value, count in histogram.items()]


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
    reasons: dict[str, int] = {}
    for crate in rejected:
        reasons[crate.reason] = reasons.get(crate.reason, 0) + 1
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
        refusals=dict(sorted(reasons.items())),
        refused_crates=_grouped(rejected),
        file_limit=file_limit,
        over_file_limit={crate: int(over[crate]) for crate in sorted(over, key=lambda name: -over[name])},
        digest=digest(shards, SOURCE_FILES),
    )
