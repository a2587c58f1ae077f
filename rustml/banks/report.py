"""The report of the `bank` stage: problems written, and problems left out with the reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rustml.records import Record
from rustml.sharding import count_metrics

NAMED = 40
"""Problems that a line of the log names at most."""


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
    """Problems that are not usable even where the judge passes them, by bank and id, with the reason."""

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        return {
            **count_metrics("bank", self.counts),
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
        """For the terminal: by bank and reason, how many problems were lost, and which."""
        reasons: dict[str, dict[str, str]] = {}
        for problem in self.dropped:
            text = f"the reference does not pass ({problem.status})"
            reasons.setdefault(problem.bank, {})[problem.id] = text
        for bank in sorted({*reasons, *self.excluded}):
            lost = self.excluded.get(bank, {}) | reasons.get(bank, {})
            counts = Counter(lost.values())
            yield f"{bank}: {len(lost)} problems left out"
            for reason, count in counts.most_common():
                yield f"  {count}: {reason}: {_named([name for name, why in lost.items() if why == reason])}"


def _named(names: Sequence[str]) -> str:
    """The first few names; the tables `bank/dropped.json` and `bank/excluded.json` have all."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(column: str, counts: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    return [
        {"file": stem, column: value, "problems": count}
        for stem, tags in counts.items()
        for value, count in tags.items()
    ]
