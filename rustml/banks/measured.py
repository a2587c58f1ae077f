"""The texts of every problem that a profile measures on, before the `bank` stage has written them."""

from collections.abc import Iterator

from rustml.banks.families import draw
from rustml.banks.output_files import DRAWS, benchmark_files
from rustml.banks.sources.load import load_source
from rustml.profile.bank import BankSection
from rustml.records import Problem
from rustml.similarity.overlap import Protected

TRAINING = "train"


def measured_texts(section: BankSection, seed: int) -> Iterator[Protected]:
    """Instruction and reference of the families' held-out problems, and of the benchmarks' but for their training part.

    Raises InputError for a benchmark that cannot be read.
    """
    for language, split in DRAWS:
        if split != TRAINING:
            count: int = getattr(section, f"{language}_{split}")
            families = None if section.families == "all" else section.families
            yield from _texts(f"{language}-{split}", draw(language, split, count, seed, families))
    for name, source in section.benchmarks.items():
        for stem, problems in benchmark_files(load_source(name, source), ()).items():
            if not stem.endswith(f"-{TRAINING}"):
                yield from _texts(stem, problems)


def _texts(stem: str, problems: list[Problem]) -> Iterator[Protected]:
    for problem in problems:
        yield Protected(bank=stem, text=problem.instruction)
        yield Protected(bank=stem, text=problem.reference)
