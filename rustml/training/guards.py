"""Guards of a reward: against answers that grow, and against answers in another language than asked."""

import unicodedata
from collections.abc import Iterator
from functools import cache

from rustml.profile.grpo import GuardsSection
from rustml.records import Problem
from rustml.rust import fences


def overlong(tokens: int, limit: int, section: GuardsSection) -> float:
    """What is added to the reward of an answer of so many tokens, of `limit` at most: 0 or less.

    The soft overlong punishment of DAPO (Yu et al., 2025, equation 13): it grows evenly over the last `overlong_cache`
    tokens, to `overlong_penalty` at the limit, where answers are cut.
    """
    if not section.overlong_cache:
        return 0.0
    over = (tokens - limit) / section.overlong_cache + 1
    return -section.overlong_penalty * min(1.0, max(0.0, over))


def is_foreign(answer: str, problem: Problem, share: float) -> bool:
    """Whether an answer is in another language than asked.

    That is an answer with a fenced block of another programming language than the problem's, and one whose prose has
    more than `share` of its letters in scripts that the instruction does not use.
    """
    if fences.other_languages(answer, problem.language):
        return True
    asked = set(_scripts(problem.instruction))
    scripts = list(_scripts(fences.prose(answer, problem.language)))
    return sum(script not in asked for script in scripts) > share * len(scripts)


def _scripts(text: str) -> Iterator[str]:
    """The script of each letter."""
    return (_script(letter) for letter in text if letter.isalpha())


@cache
def _script(letter: str) -> str:
    """The first word of its Unicode name, such as LATIN, CYRILLIC, CJK or HANGUL."""
    return unicodedata.name(letter, "").partition(" ")[0]
