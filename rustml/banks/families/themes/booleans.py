"""Families that answer true or false."""

from random import Random

from rustml.banks.families.draft import Draft, family, on_ints, unary
from rustml.banks.families.inputs import ints, pairs
from rustml.banks.families.meaning import Meaning
from rustml.banks.families.slots import INTS, predicate, threshold, two_predicates


@family("easy", "check", "is_valid", "accept", "test_value", "matches", "allowed")
def int_is(rng: Random) -> Draft:
    """One predicate."""
    x, p = rng.choice(INTS), predicate(rng)
    meaning = Meaning(english=f"tells whether {x} is {p.english}", rust=p.rs(x), python=f"return {p.py(x)}")
    return unary(x, "int", "flag", meaning, ints(rng, p.edges), slots=(p,))


def _joined(rng: Random, word: str, operator: str) -> Draft:
    x = rng.choice(INTS)
    p, q, around = two_predicates(rng)
    meaning = Meaning(
        english=f"tells whether {x} is {p.english} {word} {q.english}",
        rust=f"{p.rs(x)} {operator} {q.rs(x)}",
        python=f"return {p.py(x)} {word} {q.py(x)}",
    )
    return unary(x, "int", "flag", meaning, ints(rng, around), slots=tuple(sorted((p, q))))


@family("medium", "both_hold", "passes", "is_match", "qualifies", "both", "satisfies")
def int_is_both(rng: Random) -> Draft:
    """Two predicates on one integer, joined by and."""
    return _joined(rng, "and", "&&")


@family("medium", "either_holds", "any_of", "either", "eligible", "some_hold", "one_of")
def int_is_either(rng: Random) -> Draft:
    """Two predicates on one integer, joined by or."""
    return _joined(rng, "or", "||")


@family("easy", "compare", "exceeds", "is_ahead", "beats", "wins", "over")
def compare_two(rng: Random) -> Draft:
    """Compare one argument with another shifted by a constant."""
    a, b = rng.sample(INTS, 2)
    k = rng.randint(2, 60)
    op, phrase = rng.choice(((">", "greater than"), ("<", "less than"), (">=", "at least"), ("<=", "at most")))
    meaning = Meaning(
        english=f"tells whether {a} is {phrase} {b} plus {k}",
        rust=f"{a} {op} {b} + {k}",
        python=f"return {a} {op} {b} + {k}",
    )
    inputs = ((k, 0), (k + 1, 0), (k - 1, 0), (0, 0), (3, 3 - k), (4, 3 - k), (2, 3 - k), (-50, 40), (0, -k), (k, 1))
    return on_ints((a, b), "flag", meaning, inputs, constants=(op, k))


@family("medium", "exactly_one", "one_only", "differ", "xor_test", "just_one", "odd_one")
def exactly_one(rng: Random) -> Draft:
    """Exactly one of two predicates on two arguments."""
    a, b = rng.sample(INTS, 2)
    p, q = predicate(rng), predicate(rng)
    meaning = Meaning(
        english=f"tells whether exactly one holds: {a} is {p.english}, {b} is {q.english}",
        rust=f"let first = {p.rs(a)};\nlet second = {q.rs(b)};\nfirst != second",
        python=f"first = {p.py(a)}\nsecond = {q.py(b)}\nreturn first != second",
    )
    return on_ints((a, b), "flag", meaning, pairs(rng, p.edges, q.edges), slots=tuple(sorted((p, q))))


@family("medium", "is_ready", "can_start", "is_open", "permit", "enabled", "should_run")
def flag_and_int(rng: Random) -> Draft:
    """A flag, perhaps negated, joined with a predicate."""
    x, p = rng.choice(INTS), predicate(rng)
    flag = rng.choice(("flag", "active", "open", "ready", "on"))
    negated = rng.random() < 0.5
    op, py, phrase = rng.choice((("&&", "and", "and"), ("||", "or", "or")))
    left = f"!{flag}" if negated else flag
    meaning = Meaning(
        english=f"tells whether {flag} is {'false' if negated else 'true'} {phrase} {x} is {p.english}",
        rust=f"{left} {op} {p.rs(x)}",
        python=f"return {left.replace('!', 'not ')} {py} {p.py(x)}",
    )
    return Draft(
        args=((flag, "flag"), (x, "int")),
        returns="flag",
        meaning=meaning,
        inputs=tuple([(value, edge) for edge in p.edges for value in (True, False)]),
        slots=(p,),
        constants=(negated, op),
    )


@family("hard", "in_window", "valid_code", "accepts", "in_gap", "is_special", "selected")
def range_except(rng: Random) -> Draft:
    """A range with one exception and one divisor: three conditions."""
    x, k = rng.choice(INTS), rng.randint(2, 9)
    low = k * rng.randint(-4, 12)
    high = low + k * rng.randint(3, 6)
    skip = low + k * rng.randint(1, 2)
    conditions = (f"({low}..={high}).contains(&{x})", f"{x} % {k} == 0", f"{x} != {skip}")
    meaning = Meaning(
        english=f"tells whether {x} is between {low} and {high}, divisible by {k}, and not equal to {skip}",
        rust=" && ".join(conditions),
        python=f"return {low} <= {x} <= {high} and {x} % {k} == 0 and {x} != {skip}",
    )
    return unary(x, "int", "flag", meaning, ints(rng, range(low - k - 1, high + k + 2)), constants=(low, high, k, skip))


@family("hard", "ordered", "in_order", "is_sorted", "rising", "increasing", "chained")
def three_in_order(rng: Random) -> Draft:
    """Order of three arguments and a predicate on the middle one."""
    a, b, c = rng.sample(INTS, 3)
    p = threshold(rng)
    op, phrase = rng.choice((("<", "less than"), ("<=", "at most")))
    e = p.edges[0]
    triples = [(m - 1, m, m + 1) for m in p.edges]
    ties = [(m, m, m + 1) for m in p.edges] + [(m - 1, m, m) for m in p.edges]
    meaning = Meaning(
        english=f"tells whether {a} is {phrase} {b}, {b} is {phrase} {c}, and {b} is {p.english}",
        rust=f"{a} {op} {b} && {b} {op} {c} && {p.rs(b)}",
        python=f"return {a} {op} {b} and {b} {op} {c} and {p.py(b)}",
    )
    inputs = (*triples, *ties, (e + 3, e + 2, e + 5), (e - 3, e - 2, e - 5), (e + 4, e + 9, e + 7))
    return on_ints((a, b, c), "flag", meaning, inputs, slots=(p,), constants=(op,))
