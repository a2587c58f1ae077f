"""Reports of harvest and curate: counts, funnel, histograms, and the digest of the files written."""

from collections.abc import Iterable, Sequence
from typing import Any

from rustml.corpus.sources.crate import CrateRecord, RejectedCrate
from rustml.records import SOURCE_FILES, Record
from rustml.sharding import Step, Summary, merge, rows, step_metrics
from rustml.sharding.shards import digest


class HarvestReport(Record, frozen=True):
    """The crates and files in the corpus, and those that were rejected."""

    source: str
    """The registry or directory source that was used."""
    note: str
    """Why the declared alternative was used; empty when the first source answered."""
    crates: int
    refused: int
    files: int
    funnel: tuple[Step, ...]
    licences: dict[str, float]
    """Files by declared licence."""
    refusals: dict[str, int]
    """Rejected crates by reason."""
    digest: str
    """SHA-256 over the shards of files."""

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        counts = {"crates": self.crates, "crates_refused": self.refused, "files": self.files}
        return {f"harvest.{name}": float(value) for name, value in counts.items()} | step_metrics(
            "harvest", self.funnel
        )

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        return {
            "harvest/funnel.json": rows(self.funnel),
            "harvest/licences.json": histogram_rows("licence", self.licences),
            "harvest/refusals.json": histogram_rows("reason", self.refusals),
        }

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


def harvest_report(
    source: str,
    note: str,
    admitted: Sequence[CrateRecord],
    rejected: Sequence[RejectedCrate],
    shards: Sequence[Summary],
) -> HarvestReport:
    """Assemble the report of a harvest from its shards' summaries."""
    reasons: dict[str, int] = {}
    for crate in rejected:
        reasons[crate.reason] = reasons.get(crate.reason, 0) + 1
    return HarvestReport(
        source=source,
        note=note,
        crates=len(admitted),
        refused=len(rejected),
        files=sum(summary.records for summary in shards),
        funnel=merge(summary.funnel for summary in shards),
        licences=total(shards, "licence"),
        refusals=dict(sorted(reasons.items())),
        digest=digest(shards, SOURCE_FILES),
    )
