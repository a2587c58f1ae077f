"""Build the banks of a profile: draw problems, verify references, write files."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rustml.banks.bank import Bank, make_bank
from rustml.banks.families import draw
from rustml.banks.families.draft import Split
from rustml.banks.output_files import DRAWS, benchmark_files, drawn_stem, excluded_problems, refuse_names
from rustml.banks.report import BankReport, DroppedProblem
from rustml.banks.sources.load import load_source
from rustml.errors import JudgeFault, RustmlError
from rustml.io import file_sha256
from rustml.judge.judging import Judging
from rustml.profile.bank import BankSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import Candidate, Dependency, Language, Problem, Verdict, candidate_of, write_jsonl

CratesFault = Callable[[tuple[Dependency, ...]], str]
"""Why a set of crates cannot be had; empty where it can."""


def no_crates(dependencies: tuple[Dependency, ...]) -> str:
    """The answer where there is no source of crates."""
    return "there is no source of crates" if dependencies else ""


class _Verifier:
    """Sends references to the judge, each distinct one once."""

    def __init__(self, judge: Judging, progress: ProgressCallback) -> None:
        self._judge = judge
        self._progress = progress
        self._verdicts: dict[tuple[str, ...], Verdict] = {}
        self.seconds = 0.0

    def run(self, problems: Iterable[Problem]) -> None:
        """Judge those of the problems' references that have no verdict yet."""
        fresh = {_key(problem): problem for problem in problems if _key(problem) not in self._verdicts}
        started = time.monotonic()
        verdicts = self._judge.judge([_candidate(problem) for problem in fresh.values()], self._progress)
        for (key, problem), verdict in zip(fresh.items(), verdicts, strict=True):
            if verdict.status == "infrastructure":
                raise JudgeFault(f"the judge could not judge the reference of {problem.id}: {verdict.detail}")
            self._verdicts[key] = verdict
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
    progress: ProgressCallback = no_progress,
    mined: Sequence[Bank] = (),
    crates_fault: CratesFault = no_crates,
) -> BankReport:
    """Draw the tiny families' problems, load the benchmarks, verify references, write one JSON Lines file each.

    Files are `rust-train.jsonl`, `rust-dev.jsonl`, ..., `python-test.jsonl`, and those of `benchmark_files` for each
    benchmark. Every Rust reference and every held-out Python one must pass its tests, the Rust ones without a lint; one
    that does not is a defect of this package, and raises RustmlError. The Python training problems, tens of thousands,
    are not judged: their expected values are the results of running their reference. A benchmark's problem is dropped
    and reported when its reference does not pass; one without a reference stays if its tests compile against `todo!()`,
    one without tests if its reference compiles.

    `mined` are banks of the `mine` stage, treated as benchmarks.

    A problem whose crates cannot be had, as `crates_fault` says, is excluded with the reason before anything is judged.

    `judge` must be open with lints. `progress` is called with references judged and their total. Raises InputError for
    bad input before anything is judged, and JudgeFault when the judge fails.
    """
    refuse_names([*section.benchmarks, *(bank.name for bank in mined)])
    problems_by_file = {drawn_stem(language, split): _draw(section, language, split, seed) for language, split in DRAWS}
    loaded = [*(load_source(name, source) for name, source in section.benchmarks.items()), *mined]
    banks = [_with_crates(bank, crates_fault) for bank in loaded]
    verifier = _Verifier(judge, progress)
    generated = [
        problem for stem, problems in problems_by_file.items() if stem != "python-train" for problem in problems
    ]
    verifier.run([*generated, *[problem for bank in banks for problem in bank.problems]])
    _require_sound(generated, verifier)
    return _report(problems_by_file, banks, verifier, out)


def _report(
    problems_by_file: Mapping[str, list[Problem]], banks: Sequence[Bank], verifier: "_Verifier", out: Path
) -> BankReport:
    """Write the files; say what stands in them and what was left out."""
    left_out = {bank.name: _dropped(bank, verifier) for bank in banks}
    files = _written(problems_by_file, banks, left_out, out)
    return BankReport(
        counts={stem: len(problems) for stem, problems in files.items()},
        families={stem: _count(problems, "family") for stem, problems in problems_by_file.items()},
        difficulties={stem: _count(problems, "difficulty") for stem, problems in problems_by_file.items()},
        digests={stem: file_sha256(out / f"{stem}.jsonl") for stem in files},
        judged=verifier.judged,
        judge_seconds=verifier.seconds,
        dropped=tuple(problem for problems in left_out.values() for problem in problems),
        excluded={bank.name: reasons for bank in banks if (reasons := excluded_problems(bank))},
    )


def _with_crates(bank: Bank, crates_fault: CratesFault) -> Bank:
    """The bank without the problems whose crates cannot be had. Raises InputError where none is left."""
    faults = {dependencies: crates_fault(dependencies) for dependencies in {one.dependencies for one in bank.problems}}
    lost = {one.id: f"crates: {fault}" for one in bank.problems if (fault := faults[one.dependencies])}
    if not lost:
        return bank
    return make_bank(bank.name, [one for one in bank.problems if one.id not in lost], bank.excluded | lost)


def _written(
    drawn: Mapping[str, list[Problem]],
    banks: Sequence[Bank],
    left_out: Mapping[str, Sequence[DroppedProblem]],
    out: Path,
) -> dict[str, list[Problem]]:
    """Write every file; the problems by its stem."""
    files = dict(drawn)
    for bank in banks:
        files |= benchmark_files(bank, {problem.id for problem in left_out[bank.name]})
    for stem, problems in files.items():
        write_jsonl(out / f"{stem}.jsonl", problems)
    return files


def _draw(section: BankSection, language: Language, split: Split, seed: int) -> list[Problem]:
    count: int = getattr(section, f"{language}_{split}")
    return draw(language, split, count, seed, None if section.families == "all" else section.families)


def _candidate(problem: Problem) -> Candidate:
    """The reference as a candidate; without a reference, the signature, if any, with the body `todo!()`."""
    stub = f"{problem.prelude}{problem.signature} {{\n    todo!()\n}}\n" if problem.signature else ""
    return candidate_of(problem, problem.reference or stub, problem.id)


def _key(problem: Problem) -> tuple[str, ...]:
    rules = problem.language, problem.policy, str(problem.pinned), problem.edition, problem.entry_point
    place = repr((problem.origin, problem.span, problem.covering)) if problem.covering else ""
    texts = problem.prelude, problem.signature, problem.reference, problem.tests
    return *rules, repr(problem.dependencies), place, *texts


def _require_sound(problems: Sequence[Problem], verifier: _Verifier) -> None:
    wrong = [(p, verdict) for p in problems if (verdict := verifier.verdict(p)).status != "passed"]
    lints = [(p, v) for p in problems if p.language == "rust" and (v := verifier.verdict(p)).clippy_clean is not True]
    for problem, verdict in (wrong or lints)[:1]:
        defect = verdict.status if wrong else f"lints {', '.join(verdict.lints) or 'not asked for'}"
        raise RustmlError(
            f"{len(wrong)} references of the tiny families do not pass and {len(lints)} are not lint-free; the first: "
            f"{problem.id} ({defect}) {verdict.detail}. This is a defect of rustml.banks.families, or of the judge"
        )


def _dropped(bank: Bank, verifier: _Verifier) -> list[DroppedProblem]:
    return [
        DroppedProblem(id=problem.id, bank=bank.name, status=verdict.status, detail=verdict.detail)
        for problem in bank.problems
        if not _usable(problem, verdict := verifier.verdict(problem))
    ]


def _usable(problem: Problem, verdict: Verdict) -> bool:
    tested = problem.reference and (problem.tests.strip() or problem.covering)
    return verdict.status == "passed" if tested else verdict.compiles is True


def _count(problems: Sequence[Problem], tag: str) -> dict[str, int]:
    return dict(sorted(Counter([problem.tags[tag] for problem in problems]).items()))
