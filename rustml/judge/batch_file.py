"""Judge a file of candidates."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import InputError
from rustml.judge.judging import Judging
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Verdict, read_jsonl, write_jsonl


class BatchSummary(msgspec.Struct, frozen=True):
    """What a file of verdicts says as a whole."""

    candidates: int
    statuses: dict[str, int]
    """Verdicts by status; only those that occur."""
    judged: int
    """Verdicts that are not `infrastructure`: what the rates are over."""
    compiled: int
    clippy_clean: int
    seconds: float
    sandbox: str


def read_candidates(path: Path) -> list[Candidate]:
    """The candidates of a JSON Lines file. Raises InputError naming file and line, also for an id that repeats."""
    candidates = list(read_jsonl(path, Candidate))
    repeated = [name for name, count in Counter(candidate.id for candidate in candidates).items() if count > 1]
    if repeated:
        raise InputError(f"{path}: the id {repeated[0]!r} occurs more than once; verdicts could not be told apart")
    if not candidates:
        raise InputError(f"{path} holds no candidate; each line is one JSON record, see docs/judge.md")
    return candidates


def judge_jsonl(
    judge: Judging, candidates: Path, output: Path, progress: ProgressCallback | None = None
) -> BatchSummary:
    """Judge the candidates of one JSON Lines file and write their verdicts, in order, to another.

    Raises InputError when the file does not hold candidates; nothing is written then.
    """
    records = read_candidates(candidates)
    started = time.monotonic()
    verdicts = judge.judge(records, progress)
    seconds = time.monotonic() - started
    write_jsonl(output, verdicts)
    return summarise(verdicts, seconds)


def summarise(verdicts: list[Verdict], seconds: float) -> BatchSummary:
    """Count what the verdicts say."""
    counts: Counter[Any] = Counter(verdict.status for verdict in verdicts)
    return BatchSummary(
        candidates=len(verdicts),
        statuses=dict(sorted(counts.items())),
        judged=len(verdicts) - counts["infrastructure"],
        compiled=sum(verdict.compiles is True for verdict in verdicts),
        clippy_clean=sum(verdict.clippy_clean is True for verdict in verdicts),
        seconds=seconds,
        sandbox=verdicts[0].sandbox,
    )
