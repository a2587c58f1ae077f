"""The report of the `bank` stage: problems written, and problems left out with the reason."""

from collections.abc import Iterator
from typing import Any

import msgspec

from rustml.records import Record


class DroppedProblem(Record, frozen=True):
    """A benchmark's problem whose reference the judge does not pass."""

    id: str
    bank: str
    status: str
    detail: str


class BankReport(Record, frozen=True):
    """The files written, the references judged, and the problems left out."""

    counts: dict[str, int]
    """Problems by file stem."""
    families: dict[str, dict[str, int]]
    """Problems by file stem and family."""
    difficulties: dict[str, dict[str, int]]
    """Problems by file stem and difficulty."""
    digests: dict[str, str]
    """SHA-256 of each file, by stem."""
    judged: int
    """References that the judge decided on, each distinct one once."""
    judge_seconds: float
    dropped: tuple[DroppedProblem, ...]
    excluded: dict[str, dict[str, str]]
    """Problems that are not usable whatever the judge says, by bank and id, with the reason."""

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        counts = {f"bank.{stem}": float(count) for stem, count in self.counts.items()}
        return {
            **counts,
            "bank.judged": float(self.judged),
            "bank.judge_seconds": self.judge_seconds,
            "bank.left_out.dropped": float(len(self.dropped)),
            "bank.left_out.excluded": float(sum(map(len, self.excluded.values()))),
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        excluded = [
            {"bank": bank, "id": problem, "reason": reason}
            for bank, reasons in self.excluded.items()
            for problem, reason in reasons.items()
        ]
        return {
            "bank/families.json": _counted("family", self.families),
            "bank/difficulties.json": _counted("difficulty", self.difficulties),
            "bank/digests.json": [{"file": stem, "sha256": digest} for stem, digest in self.digests.items()],
            "bank/dropped.json": [msgspec.to_builtins(problem) for problem in self.dropped],
            "bank/excluded.json": excluded,
        }

    def left_out(self) -> Iterator[str]:
        """One line per bank that lost problems, with their number and the first reason, for the terminal."""
        dropped: dict[str, list[DroppedProblem]] = {}
        for problem in self.dropped:
            dropped.setdefault(problem.bank, []).append(problem)
        for bank, problems in dropped.items():
            first = problems[0]
            reason = f"the reference does not pass; the first: {first.id} ({first.status})"
            yield f"{bank}: {len(problems)} dropped, {reason}"
        for bank, reasons in self.excluded.items():
            identity, reason = next(iter(reasons.items()))
            yield f"{bank}: {len(reasons)} excluded; the first: {identity} ({reason})"


def _counted(column: str, counts: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    return [
        {"file": stem, column: value, "problems": count}
        for stem, tags in counts.items()
        for value, count in tags.items()
    ]
