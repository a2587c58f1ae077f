"""What `vllm bench serve` measured, read from its own file, and one level of load summed up from it."""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from rustml.errors import EnvironmentFault
from rustml.records import Problem, Record
from rustml.serving.smoke import Answer

METRICS = {"ttft": "ttft", "tpot": "tpot", "e2el": "end_to_end"}
"""The client's words for latencies, and ours."""
PERCENTILES = (50, 95, 99)
FAULT = "infrastructure"
"""Status of a verdict that says nothing about the answer."""
LONGEST_REASON = 160


class Percentiles(Record, frozen=True):
    """Of one latency, in milliseconds, over the requests that ended."""

    p50: float
    p95: float
    p99: float


class Failure(Record, frozen=True):
    """A request that was not answered to its end."""

    request: int
    """Its place among the requests of the level, from 0."""
    problem: str
    reason: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The client's file, as far as it is used; lists are in the order of the requests."""

    duration: float
    completed: int
    output_throughput: float
    request_goodput: float
    latencies: list[float]
    """Seconds; 0 for a request that failed."""
    output_lens: list[int]
    """Tokens."""
    generated_texts: list[str]
    errors: list[str]
    """Empty for a request that ended well; else a traceback, or the words of an HTTP status."""
    percentiles: dict[str, Percentiles]
    """By the client's name of the latency."""


class Level(Record, frozen=True):
    """One version under one load."""

    version: str
    """Its number in the registry."""
    label: str
    """As tables name it: `fp8 v4`."""
    concurrency: int
    requests: int
    completed: int
    failures: tuple[Failure, ...]
    seconds: float
    ttft: Percentiles | None
    """None where no request ended."""
    tpot: Percentiles | None
    """None where no answer has two tokens."""
    end_to_end: Percentiles | None
    request_tokens_per_second: float | None
    """Output tokens of a request by its wall time, the median over requests that ended."""
    tokens_per_second: float
    """Output tokens of all requests by the level's wall time."""
    goodput: float
    """Requests/s within the limits of the profile."""
    judged: int
    """Answers with a verdict. A failed request has none."""
    passed: int
    """Of them, how many passed their tests."""
    faults: int
    """Answers that the judge could not judge."""

    @property
    def metrics(self) -> dict[str, float]:
        """By name, for MLflow; what is None is left out."""
        values: dict[str, float | None] = {
            "requests": self.requests,
            "failed": len(self.failures),
            "tokens_per_second": self.tokens_per_second,
            "request_tokens_per_second": self.request_tokens_per_second,
            "goodput": self.goodput,
            "pass_rate": self.passed / self.judged if self.judged else None,
        }
        for name in METRICS.values():
            latency: Percentiles | None = getattr(self, name)
            values |= {f"{name}_p{p}_ms": getattr(latency, f"p{p}", None) for p in PERCENTILES}
        return {name: float(value) for name, value in values.items() if value is not None}


def read(path: Path) -> Measured:
    """The client's file. Raises EnvironmentFault where it is missing or has another form."""
    try:
        tree = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        tree["percentiles"] = {name: {f"p{p}": tree[f"p{p}_{name}_ms"] for p in PERCENTILES} for name in METRICS}
        return msgspec.convert(tree, Measured)
    except (OSError, KeyError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise EnvironmentFault(f"the client of the load test left no result that can be read: {error!r}") from error


def level(
    version: str,
    label: str,
    concurrency: int,
    problems: Sequence[Problem],
    measured: Measured,
    answers: Sequence[Answer],
) -> Level:
    """Sum up one level. `answers` are those of the requests that ended, judged, in their order."""
    numbers = [number for number in range(len(problems)) if _ended(measured, number)]
    rates = [measured.output_lens[number] / measured.latencies[number] for number in numbers]
    latencies = {METRICS[name]: value if numbers else None for name, value in measured.percentiles.items()}
    if all(measured.output_lens[number] < 2 for number in numbers):
        latencies["tpot"] = None
    statuses = [answer.status for answer in answers]
    return Level(
        version=version,
        label=label,
        concurrency=concurrency,
        requests=len(problems),
        completed=len(numbers),
        failures=failures(problems, measured),
        seconds=measured.duration,
        request_tokens_per_second=median(rates) if rates else None,
        tokens_per_second=measured.output_throughput,
        goodput=measured.request_goodput,
        judged=len(statuses) - statuses.count(FAULT),
        passed=statuses.count("passed"),
        faults=statuses.count(FAULT),
        **latencies,
    )


def ended(problems: Sequence[Problem], measured: Measured) -> tuple[list[Problem], list[str]]:
    """Problems and answers of the requests that ended."""
    numbers = [number for number in range(len(problems)) if _ended(measured, number)]
    return [problems[number] for number in numbers], [measured.generated_texts[number] for number in numbers]


def failures(problems: Sequence[Problem], measured: Measured) -> tuple[Failure, ...]:
    """The requests that did not end, with their reasons."""
    return tuple(
        Failure(request=number, problem=problem.id, reason=_reason(measured.errors[number]))
        for number, problem in enumerate(problems)
        if not _ended(measured, number)
    )


def _ended(measured: Measured, number: int) -> bool:
    return measured.latencies[number] > 0 and not measured.errors[number]


def _reason(error: str) -> str:
    """The last line of a traceback, without the package of the exception."""
    lines = error.strip().splitlines() or ["no answer, and no reason was given"]
    return re.sub(r"^(?:\w+\.)+(?=\w+(?::|$))", "", lines[-1].strip())[:LONGEST_REASON]
