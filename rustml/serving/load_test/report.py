"""The table of a load test, with a published one beside it, as text and as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from rustml.records import Record
from rustml.serving.load_test.measured import METRICS, Level, Percentiles

PAGE, DOCUMENT = "load-test.md", "load-test.json"
NONE = "-"
HEADER = (
    *("version", "at a time", "TTFT p50/p95/p99 ms", "TPOT p50/p95/p99 ms", "end to end p50/p95/p99 ms"),
    *("tokens/s per request", "tokens/s", "goodput req/s", "failed", "passed"),
)
MOST_REASONS = 10
"""Of one level, on the page; the document has every failure."""


class Published(Record, frozen=True):
    """A row of the published table: output tokens/s in total."""

    concurrency: int
    bf16: float
    fp8: float


PUBLISHED = (
    Published(concurrency=1, bf16=150, fp8=223),
    Published(concurrency=8, bf16=1032, fp8=1581),
    Published(concurrency=32, bf16=2754, fp8=3766),
)
PUBLISHED_WITH = "Qwen3-8B on NVIDIA H100, 64 requests of 256 tokens"


class LoadTest(Record, frozen=True):
    """All levels of all versions, and with what they were measured."""

    machine: dict[str, str]
    """Libraries and device."""
    levels: tuple[Level, ...]
    """By version, each in the order of the levels."""
    published: tuple[Published, ...] = PUBLISHED
    published_with: str = PUBLISHED_WITH

    @property
    def versions(self) -> tuple[str, ...]:
        """Numbers of the versions, in order."""
        return tuple(dict.fromkeys(level.version for level in self.levels))

    def of(self, version: str) -> dict[int, Level]:
        """The levels of a version by concurrency."""
        return {level.concurrency: level for level in self.levels if level.version == version}

    def ratios(self, version: str) -> dict[int, float]:
        """Tokens/s of a version over those of the first one, by concurrency; without levels where nothing ended."""
        first = self.of(self.versions[0])
        pairs = {count: (level, first[count]) for count, level in self.of(version).items()}
        return {
            count: level.tokens_per_second / other.tokens_per_second
            for count, (level, other) in pairs.items()
            if level.completed and other.completed
        }

    @property
    def metrics(self) -> dict[str, float]:
        """For MLflow: `bench_serving.v4.c8.tokens_per_second`, `bench_serving.v4_over_v3.c8`."""
        named: dict[str, float] = {}
        for level in self.levels:
            prefix = f"v{level.version}.c{level.concurrency}"
            named |= {f"{prefix}.{name}": value for name, value in level.metrics.items()}
        for version in self.versions[1:]:
            ratios = self.ratios(version)
            named |= {f"v{version}_over_v{self.versions[0]}.c{count}": value for count, value in ratios.items()}
        return {f"bench_serving.{name}": value for name, value in named.items()}


def write(test: LoadTest, out: Path) -> None:
    """Write the page and the document into a folder."""
    (out / DOCUMENT).write_bytes(msgspec.json.format(msgspec.json.encode(test)))
    (out / PAGE).write_text(page(test), encoding="utf-8")


def page(test: LoadTest) -> str:
    """Tables in Markdown: every level, the speed of each version against the first, failures by reason."""
    facts = {name: text.splitlines()[0] for name, text in sorted(test.machine.items()) if text}
    machine = ", ".join(f"{name} {text}" for name, text in facts.items())
    parts = [f"# Load test\n\nMeasured with {machine}.", _table(HEADER, [_row(level) for level in test.levels])]
    parts += [_ratios(test), *_failures(test.levels)]
    return "\n\n".join(parts) + "\n"


def rows(test: LoadTest) -> list[dict[str, object]]:
    """The levels as a table for MLflow."""
    names = ("requests", "completed", "tokens_per_second", "goodput", "judged", "passed", "faults")
    return [
        {"version": level.label, "concurrency": level.concurrency}
        | {name: getattr(level, name) for name in names}
        | {name: _percentiles(getattr(level, name)) for name in METRICS.values()}
        for level in test.levels
    ]


def _row(level: Level) -> list[str]:
    share = f" ({100 * level.passed / level.judged:.1f}%)" if level.judged else ""
    faults = f", {level.faults} not judged" if level.faults else ""
    rate = level.request_tokens_per_second
    return [
        level.label,
        str(level.concurrency),
        *(_percentiles(getattr(level, name)) for name in METRICS.values()),
        NONE if rate is None else f"{rate:.1f}",
        f"{level.tokens_per_second:.1f}",
        f"{level.goodput:.2f}",
        f"{len(level.failures)} of {level.requests}",
        f"{level.passed} of {level.judged}{share}{faults}",
    ]


def _ratios(test: LoadTest) -> str:
    """Tokens/s against the first version, and the same of the published table."""
    first, others = test.versions[0], test.versions[1:]
    labels = {level.version: level.label for level in test.levels}
    header = ["at a time", *(f"{labels[other]} over {labels[first]}" for other in others), "published, fp8 over bf16"]
    known = {row.concurrency: f"{row.fp8 / row.bf16:.2f} ({row.fp8:g} over {row.bf16:g})" for row in test.published}
    ratios = {other: test.ratios(other) for other in others}
    lines = [
        [str(count), *(_ratio(ratios[other], count) for other in others), known.get(count, NONE)]
        for count in sorted({*test.of(first), *known})
    ]
    return f"Tokens/s in total. Published: {test.published_with}.\n\n{_table(header, lines)}"


def _failures(levels: Sequence[Level]) -> list[str]:
    """Failed requests by reason, the first of each with its problem."""
    lines = []
    for level in levels:
        reasons: dict[str, list[str]] = {}
        for failure in level.failures:
            reasons.setdefault(failure.reason, []).append(failure.problem)
        where = f"{level.label}, {level.concurrency} at a time"
        listed = list(reasons.items())[:MOST_REASONS]
        lines += [f"- {where}, {len(each)} failed: {reason} (first: {each[0]})" for reason, each in listed]
    return ["Failed requests, which count in no latency and no pass rate:\n\n" + "\n".join(lines)] if lines else []


def _percentiles(value: Percentiles | None) -> str:
    return NONE if value is None else f"{value.p50:.0f} / {value.p95:.0f} / {value.p99:.0f}"


def _ratio(ratios: Mapping[int, float], count: int) -> str:
    return f"{ratios[count]:.2f}" if count in ratios else NONE


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, so that a terminal shows it as well."""
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]
    cells = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in (header, *lines)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
