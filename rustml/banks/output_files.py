"""The files of a bank stage: which problems stand in which, and which names a benchmark may not have."""

from collections.abc import Collection, Iterable
from typing import get_args

from rustml.banks.bank import Bank
from rustml.banks.families.draft import Split
from rustml.errors import InputError
from rustml.records import Language, Problem

DRAWS: tuple[tuple[Language, Split], ...] = tuple(
    (language, split) for language in get_args(Language) for split in get_args(Split)
)
PROMPT = "prompt"
"""Tag value, and end of the file's name, of a benchmark's few-shot problems."""
SUFFIXES = ("train", "dev", PROMPT)


def drawn_stem(language: Language, split: Split) -> str:
    """File stem of the problems that are drawn from the families."""
    return f"{language}-{split}"


def refuse_names(benchmarks: Iterable[str]) -> None:
    """Raise InputError for a benchmark whose file would replace another one, or lie outside the output folder."""
    stems = {drawn_stem(language, split) for language, split in DRAWS}
    names = list(benchmarks)
    for name in names:
        owner = next((other for other in names if name in {f"{other}-{suffix}" for suffix in SUFFIXES}), None)
        if name in stems:
            reason = "the stage writes the families' problems to a file of this name"
        elif owner is not None:
            reason = f"the stage writes problems of {owner} to a file of this name"
        elif not name or name != name.strip(".") or set(name) & set("/\\\0"):
            reason = "the name must be that of a file, without a path"
        else:
            continue
        raise InputError(f"bank.benchmarks.{name}: {reason}; give the benchmark another name")


def benchmark_files(bank: Bank, dropped: Collection[str]) -> dict[str, list[Problem]]:
    """A benchmark's problems by file stem, without those whose ids are in `dropped`.

    `NAME` has the test split, `NAME-train` and `NAME-dev` the trainable problems of these splits, and `NAME-prompt` the
    few-shot problems. `NAME` is written even when it is empty, unless another file has problems.
    """
    usable = [problem for problem in bank.problems if problem.id not in dropped]
    files = {
        bank.name: [problem for problem in usable if problem.split == "test"],
        f"{bank.name}-train": [problem for problem in usable if problem.split == "train" and problem.trainable],
        f"{bank.name}-dev": [problem for problem in usable if problem.split == "dev" and problem.trainable],
        f"{bank.name}-{PROMPT}": [problem for problem in usable if _is_prompt(problem)],
    }
    return {stem: problems for stem, problems in files.items() if problems} or {bank.name: []}


def excluded_problems(bank: Bank) -> dict[str, str]:
    """Problems that stand in no file even where the judge passes them, by id, with the reason."""
    reasons = dict(bank.excluded)
    for problem in bank.problems:
        if problem.split != "test" and not problem.trainable and not _is_prompt(problem):
            reasons[problem.id] = (
                f"in split {problem.split}, but not trainable: usable neither for training nor to measure"
            )
    return reasons


def _is_prompt(problem: Problem) -> bool:
    return problem.tags.get("subset") == PROMPT
