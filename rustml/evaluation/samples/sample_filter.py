"""Which samples are set aside before rates are taken; both rates are reported, with them and without."""

from dataclasses import dataclass
from itertools import pairwise

from rustml.evaluation.samples.sample_file import Sample
from rustml.rust.functions import parses
from rustml.rust.lexer import lexes, significant, tokens


@dataclass(frozen=True)
class SampleFilter:
    """What a sample has to be, to count among the filtered ones."""

    min_characters: int = 0
    min_lines: int = 0
    """Lines that are not blank."""
    complete: bool = False
    """Whether code that breaks off, or does not parse, is set aside."""
    main: bool = False
    """Whether code without `fn main` is set aside."""

    def reason(self, sample: Sample) -> str | None:
        """Why a sample is set aside, as a short name; None where it stays."""
        code = sample.code
        if code is None:
            return "no_code"
        if len(code) < self.min_characters:
            return "short"
        if sum(not line.isspace() for line in code.splitlines() if line) < self.min_lines:
            return "few_lines"
        if self.complete and not (lexes(code) and parses(code)):
            return "incomplete"
        return "no_main" if self.main and not _has_main(code) else None


def _has_main(code: str) -> bool:
    words = [token.text for token in significant(tokens(code))]
    return ("fn", "main") in pairwise(words)
