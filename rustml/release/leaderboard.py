"""Evaluations ranked by suite, with intervals and protocol digests; never across protocols.

The rank of a row is among the rows of one suite and one protocol, since other prompts, limits or samples give other
numbers for the same model.
"""

import csv
import html
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rustml.errors import InputError
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import wilson
from rustml.records import Record

COLUMNS = (
    "suite",
    "protocol",
    "rank",
    "model",
    "metric",
    "percent",
    "low",
    "high",
    "items",
    "samples",
    "run",
    "weights",
)
DIGITS = 12
"""Of a digest, as many as are shown."""
NUMBERS = ("rank", "percent", "low", "high", "items", "samples")
STYLE = (
    "body { font: 15px system-ui; margin: 2rem } table { border-collapse: collapse } "
    "td, th { padding: .3rem .8rem; text-align: left; white-space: nowrap } .number { text-align: right } "
    ".first td { border-top: 1px solid #aaa }"
)


class Entry(Record, frozen=True):
    """One model on one suite."""

    suite: str
    protocol: str
    """Digest of the protocol."""
    model: str
    metric: str
    share: float
    """In [0, 1]: mean over items of the mean over samples."""
    low: float
    """Lower and upper bound of the Wilson interval over items, at 95%."""
    high: float
    items: int
    samples: int
    run: str
    weights: str


def entries(evaluations: Iterable[tuple[str, str, Evaluation]], metric: str, suites: Sequence[str] = ()) -> list[Entry]:
    """Entries of evaluations, given as run id, name and report; one per weights, suite and protocol, the first counts.

    `suites` names those that are wanted; empty takes all. Suites with faults or without the metric are left out.
    """
    rows: dict[tuple[str, str, str], Entry] = {}
    for run, name, report in evaluations:
        for suite, result in report.suites.items():
            values = result.values(metric) if not result.faults else {}
            if not values or (suites and suite not in suites):
                continue
            share = sum(values.values()) / len(values)
            bounds = wilson(share * len(values), len(values))
            samples = min(len(drawn) for drawn in result.outcomes.values())
            row = Entry(
                suite,
                result.protocol_digest,
                name,
                metric,
                share,
                bounds.low,
                bounds.high,
                len(values),
                samples,
                run,
                report.weights_digest,
            )
            rows.setdefault((suite, row.protocol, row.weights), row)
    return list(rows.values())


def ranked(rows: Sequence[Entry]) -> list[tuple[int, Entry]]:
    """Rows with their rank among those of the same suite and protocol, the best first; equal shares share a rank."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for row in rows:
        groups[row.suite, row.protocol].append(row)
    placed = []
    for _, group in sorted(groups.items()):
        for row in sorted(group, key=lambda each: (-each.share, each.model, each.run)):
            placed.append((1 + sum(other.share > row.share for other in group), row))
    return placed


def check_one_protocol(rows: Sequence[Entry]) -> None:
    """Raises InputError where a suite was measured under several protocols, with each digest and its models."""
    models: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        models[row.suite][row.protocol].append(row.model)
    for suite, protocols in models.items():
        if len(protocols) > 1:
            told = "; ".join(f"{digest[:DIGITS]} ({', '.join(names)})" for digest, names in sorted(protocols.items()))
            raise InputError(
                f"suite {suite} was measured under {len(protocols)} protocols, and is not ranked across them: {told}. "
                "Name one with -P protocol=DIGEST, or evaluate the models alike"
            )


def cells(rows: Sequence[Entry]) -> list[list[str]]:
    """Rows of the table as text, in the order of `COLUMNS`."""
    return [
        [
            row.suite,
            row.protocol[:DIGITS],
            str(rank),
            row.model,
            row.metric,
            *(f"{100 * share:.1f}" for share in (row.share, row.low, row.high)),
            str(row.items),
            str(row.samples),
            row.run,
            row.weights[:DIGITS],
        ]
        for rank, row in ranked(rows)
    ]


def as_csv(rows: Sequence[Entry]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *cells(rows)])
    return text.getvalue()


def as_html(rows: Sequence[Entry]) -> str:
    """The table as a page."""
    lines, before = [], ""
    for row in cells(rows):
        opening = "<tr>" if row[0] == before else '<tr class="first">'
        lines.append(f"{opening}{_marked('td', row)}</tr>")
        before = row[0]
    header = _marked("th", COLUMNS)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Leaderboard</title><style>{STYLE}</style>'
        f"</head><body>\n<h1>Leaderboard</h1>\n<p>Ranks hold within a suite and a protocol. Bounds: Wilson, 95%, "
        f"over items.</p>\n<table><tr>{header}</tr>\n" + "\n".join(lines) + "\n</table></body></html>\n"
    )


def _marked(tag: str, texts: Sequence[str]) -> str:
    """Cells of one row, numbers to the right."""
    pairs = zip(COLUMNS, texts, strict=True)
    kinds = [(' class="number"' if column in NUMBERS else "", text) for column, text in pairs]
    return "".join(f"<{tag}{kind}>{html.escape(text)}</{tag}>" for kind, text in kinds)
