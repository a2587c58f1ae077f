"""How close an answer is to its reference, by text alone: 1 is equal."""

import difflib

import numpy as np

from rustml.rust.syntax import leaves

WEIGHTS = {"identifier": 1.0, "field_identifier": 1.0, "type_identifier": 1.0, "primitive_type": 1.0}
KEYWORD, LITERAL, PUNCTUATION = 1.0, 0.5, 0.25
PUNCTUATED = frozenset("(){}[];,")
MOST_TOKENS = 4000


def exact(answer: str, reference: str) -> float:
    """1 where the two are equal but for white space, else 0."""
    return float(answer.split() == reference.split())


def edit_similarity(answer: str, reference: str) -> float:
    """Ratcliff and Obershelp's ratio (`difflib`) of the texts with every run of white space as one space, in [0, 1]."""
    ours, theirs = " ".join(answer.split()), " ".join(reference.split())
    return difflib.SequenceMatcher(None, ours, theirs, autojunk=False).ratio()


def syntax_similarity(answer: str, reference: str) -> float:
    """1 minus the weighted Levenshtein distance over Rust tokens, as a share of the heavier side's weight, in [0, 1].

    Names, keywords and operators weigh 1, literals a half, brackets and separators a quarter; a token replaced costs
    the heavier of the two. Comments do not count. Texts are cut at 4,000 tokens.
    """
    ours, theirs = leaves(answer.encode())[:MOST_TOKENS], leaves(reference.encode())[:MOST_TOKENS]
    heavier = max(sum(map(weight, ours)), sum(map(weight, theirs)))
    return 1.0 - _distance(ours, theirs) / heavier if heavier else 1.0


def weight(token: tuple[str, str]) -> float:
    """What it costs to leave a token out."""
    kind, text = token
    if text in PUNCTUATED:
        return PUNCTUATION
    return LITERAL if kind.endswith("literal") else WEIGHTS.get(kind, KEYWORD)


def _distance(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> float:
    """Wagner and Fischer's recurrence, a row at a time; insertions along a row are a running minimum."""
    weights = np.array([weight(token) for token in theirs])
    inserted = np.concatenate(([0.0], np.cumsum(weights)))
    texts = np.array([text for _, text in theirs], dtype=object)
    row = inserted.copy()
    for token in ours:
        cost = weight(token)
        replaced = row[:-1] + np.where(texts == token[1], 0.0, np.maximum(weights, cost))
        reached = np.minimum(row + cost, np.concatenate(([np.inf], replaced)))
        row = np.minimum.accumulate(reached - inserted) + inserted
    return float(row[-1])
