"""The `bank` stage: draw, verify, write."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rustml.banks.bank import Bank
from rustml.banks.families import draw
from rustml.banks.families.draft import Split
from rustml.banks.sources.load import load_source
from rustml.errors import JudgeFault, RustmlError
from rustml.judge.judging import Judging
from rustml.profile.bank import BankSection
from rustml.records import Candidate, Language, Problem, Record, Verdict, candidate_of, write_jsonl

CHUNK = 256
"""Candidates handed to the judge at once; progress is shown between chunks."""
_DRAWS: tuple[tuple[Language, Split], ...] = (
    ("rust", "train"),
    ("rust", "dev"),
    ("rust", "test"),
    ("python", "train"),
    ("python", "dev"),
    ("python", "test"),
)


class Dropped(Record, frozen=True):
    """A problem of a public bank whose reference the judge does not pass."""

    id: str
    bank: str
    status: str
    detail: str


class BankReport(Record, frozen=True):
    """What the stage wrote."""

    counts: dict[str, int]
    """Problems by file stem."""
    families: dict[str, dict[str, int]]
    """Problems by file stem and family."""
    difficulties: dict[str, dict[str, int]]
    """Problems by file stem and difficulty."""
    digests: dict[str, str]
    """SHA-256 of each file, by stem."""
    judged: int
    """References that went through the judge, each distinct one once."""
    judge_seconds: float
    dropped: tuple[Dropped, ...]
    excluded: dict[str, dict[str, str]]
    """Problems that a public bank's loader left out, by bank and id, with the reason."""


class _Verifier:
    """Sends references to the judge, each distinct one once."""

    def __init__(self, judge: Judging, progress: Callable[[int, int], None]) -> None:
        self._judge, self._progress = judge, progress
        self._verdicts: dict[tuple[str, ...], Verdict] = {}
        self.seconds = 0.0

    def run(self, problems: Iterable[Problem]) -> None:
        """Judge what is new among the problems' references."""
        fresh = {_key(problem): problem for problem in problems if _key(problem) not in self._verdicts}
        items, started = list(fresh.items()), time.monotonic()
        for start in range(0, len(items), CHUNK):
            chunk = items[start : start + CHUNK]
            verdicts = self._judge.judge([_candidate(problem) for _, problem in chunk])
            for (key, problem), verdict in zip(chunk, verdicts, strict=True):
                if verdict.status == "infrastructure":
                    raise JudgeFault(f"the judge could not judge the reference of {problem.id}: {verdict.detail}")
                self._verdicts[key] = verdict
            self._progress(min(start + CHUNK, len(items)), len(items))
        self.seconds += time.monotonic() - started

    @property
    def judged(self) -> int:
        """Distinct references judged."""
        return len(self._verdicts)

    def verdict(self, problem: Problem) -> Verdict:
        """The verdict on the problem's reference."""
        return self._verdicts[_key(problem)]


def build(
    section: BankSection,
    seed: int,
    out: Path,
    judge: Judging,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> BankReport:
    """Draw the tiny families' problems, load the benchmarks, verify references, write one JSON Lines file each.

    Files are `rust-train.jsonl`, `rust-dev.jsonl`, ..., `python-test.jsonl`, and for each benchmark `NAME.jsonl`, its
    test split (and `NAME-prompt.jsonl`, its few-shot problems). Every Rust reference and every held-out Python one
    must pass its tests, the Rust ones without a lint; one that does not is a defect of this package, and raises
    RustmlError. The Python training problems, tens of thousands, are not judged: their expected values are what their
    reference returned when it was run. A benchmark's problem whose reference does not pass is dropped and reported; one
    without a reference stays if its tests compile against `todo!()`.

    `judge` must be open with lints. `progress` is called with references judged and their total. Raises InputError for
    bad input before anything is judged, and JudgeFault when the judge fails.
    """
    drawn = {f"{language}-{split}": _draw(section, language, split, seed) for language, split in _DRAWS}
    banks = [load_source(name, source) for name, source in section.benchmarks.items()]
    verifier = _Verifier(judge, progress)
    own = [problem for stem, problems in drawn.items() if stem != "python-train" for problem in problems]
    verifier.run([*own, *[problem for bank in banks for problem in bank.problems]])
    _require_sound(own, verifier)
    dropped = [entry for bank in banks for entry in _dropped(bank, verifier)]
    gone = {(entry.bank, entry.id) for entry in dropped}
    files = {**drawn, **_benchmark_files(banks, gone)}
    for stem, problems in files.items():
        write_jsonl(out / f"{stem}.jsonl", problems)
    return BankReport(
        counts={stem: len(problems) for stem, problems in files.items()},
        families={stem: _count(problems, "family") for stem, problems in drawn.items()},
        difficulties={stem: _count(problems, "difficulty") for stem, problems in drawn.items()},
        digests={stem: hashlib.sha256((out / f"{stem}.jsonl").read_bytes()).hexdigest() for stem in files},
        judged=verifier.judged,
        judge_seconds=verifier.seconds,
        dropped=tuple(dropped),
        excluded={bank.name: bank.excluded for bank in banks if bank.excluded},
    )


def _draw(section: BankSection, language: Language, split: Split, seed: int) -> list[Problem]:
    count: int = getattr(section, f"{language}_{split}")
    return draw(language, split, count, seed, None if section.families == "all" else section.families)


def _candidate(problem: Problem) -> Candidate:
    """The reference as a candidate; in place of none, a body of `todo!()`."""
    stub = f"{problem.prelude}{problem.signature} {{\n    todo!()\n}}\n"
    return candidate_of(problem, problem.reference or stub, problem.id)


def _key(problem: Problem) -> tuple[str, ...]:
    return problem.language, problem.prelude, problem.signature, problem.reference, problem.tests


def _require_sound(problems: Sequence[Problem], verifier: _Verifier) -> None:
    wrong = [(p, verdict) for p in problems if (verdict := verifier.verdict(p)).status != "passed"]
    lints = [(p, v) for p in problems if p.language == "rust" and (v := verifier.verdict(p)).clippy_clean is not True]
    for problem, verdict in (wrong or lints)[:1]:
        found = verdict.status if wrong else f"lints {', '.join(verdict.lints) or 'not asked for'}"
        raise RustmlError(
            f"{len(wrong)} references of the tiny families do not pass and {len(lints)} are not lint-free; the first: "
            f"{problem.id} ({found}) {verdict.detail}. This is a defect of rustml.banks.families, or of the judge"
        )


def _dropped(bank: Bank, verifier: _Verifier) -> list[Dropped]:
    return [
        Dropped(id=problem.id, bank=bank.name, status=verdict.status, detail=verdict.detail)
        for problem in bank.problems
        if not _usable(problem, verdict := verifier.verdict(problem))
    ]


def _usable(problem: Problem, verdict: Verdict) -> bool:
    return verdict.status == "passed" if problem.reference else verdict.compiles is True


def _benchmark_files(banks: Sequence[Bank], gone: set[tuple[str, str]]) -> dict[str, list[Problem]]:
    files: dict[str, list[Problem]] = {}
    for bank in banks:
        kept = [problem for problem in bank.problems if (bank.name, problem.id) not in gone]
        files[bank.name] = [problem for problem in kept if problem.split == "test"]
        prompts = [problem for problem in kept if problem.tags.get("subset") == "prompt"]
        if prompts:
            files[f"{bank.name}-prompt"] = prompts
    return files


def _count(problems: Sequence[Problem], tag: str) -> dict[str, int]:
    return dict(sorted(Counter([problem.tags[tag] for problem in problems]).items()))
