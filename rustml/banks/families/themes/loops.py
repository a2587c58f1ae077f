"""Families that repeat: ranges, loops with state, digits."""

from random import Random

from rustml.banks.families.draft import Draft, family, on_ints, unary
from rustml.banks.families.inputs import unique
from rustml.banks.families.meaning import Meaning
from rustml.banks.families.slots import INTS, constant_mapping, division, first_that_is, mapping, predicate


def _ends(start: int, rng: Random) -> list[int]:
    """Upper ends of a range from `start`: before, at and after it, and further."""
    far = rng.randint(20, 35)
    return [start + step for step in (-1, 0, 1, 2, 6, 13, far)]


@family("medium", "sum_to", "range_sum", "add_range", "series", "sum_until", "sum_range")
def range_sum(rng: Random) -> Draft:
    """Sum over a range, of those that satisfy a predicate."""
    n, start, p = rng.choice(INTS[1:]), rng.randint(1, 12), division(rng)
    start = first_that_is(p, start)
    meaning = Meaning(
        english=f"returns the sum of the numbers from {start} to {n} that are {p.english}",
        rust=f"({start}..={n}).filter(|&x| {p.rs('x')}).sum()",
        python=f"return sum(x for x in range({start}, {n} + 1) if {p.py('x')})",
    )
    return unary(n, "int", "int", meaning, _ends(start, rng), slots=(p,), constants=(start,))


@family("medium", "count_to", "range_count", "count_range", "how_many_to", "count_until", "hits")
def range_count(rng: Random) -> Draft:
    """The count of numbers in a range that satisfy a predicate."""
    n, start = rng.choice(INTS[1:]), rng.randint(-5, 20)
    p = predicate(rng, start + 1, start + 30)
    edges = [edge + step for edge in p.edges[:3] for step in (0, -1)]
    meaning = Meaning(
        english=f"counts the numbers from {start} to {n} that are {p.english}",
        rust=f"({start}..={n}).filter(|&x| {p.rs('x')}).count()",
        python=f"return len([x for x in range({start}, {n} + 1) if {p.py('x')}])",
    )
    return unary(n, "int", "count", meaning, (*_ends(start, rng), *edges, 70), slots=(p,), constants=(start,))


@family("medium", "table_to", "list_to", "build_list", "make_list", "sequence", "generate")
def range_list(rng: Random) -> Draft:
    """A map of each number of a range, in a list."""
    n, start, m = rng.choice(INTS[1:]), rng.randint(0, 12), mapping(rng)
    closed = rng.random() < 0.5
    end, phrase = (f"..={n}", f"to {n}") if closed else (f"..{n}", f"up to but not including {n}")
    meaning = Meaning(
        english=f"returns {m.say('x')} for each x from {start} {phrase}",
        rust=f"({start}{end}).map(|x| {m.rs('x')}).collect()",
        python=f"return [{m.py('x')} for x in range({start}, {n}{' + 1' if closed else ''})]",
    )
    values = (*[start + step for step in (-1, 0, 1, 2, 5)], m.edges[0] + 2)
    return unary(n, "int", "ints", meaning, values, slots=(m,), constants=(start, closed))


@family("hard", "product_to", "multiply_to", "range_product", "factor_up", "product_of", "build_product")
def range_product(rng: Random) -> Draft:
    """A product over a range, of a map."""
    n, start, m = rng.choice(INTS[1:]), rng.randint(1, 3), constant_mapping(rng)
    meaning = Meaning(
        english=f"returns the product of {m.say('x')} for each x from {start} to {n}",
        rust=f"({start}..={n}).map(|x| {m.rs('x')}).product()",
        python=f"out = 1\nfor x in range({start}, {n} + 1):\n    out *= {m.py('x')}\nreturn out",
    )
    values = (start - 1, start, start + 1, start + 2, start + 3)
    return unary(n, "int", "int", meaning, values, slots=(m,), constants=(start,))


@family("hard", "iterate", "evolve", "run_steps", "grow", "simulate", "repeat_rule")
def recurrence(rng: Random) -> Draft:
    """A linear rule repeated n times."""
    n = rng.choice(INTS[1:])
    a, k, c = rng.randint(1, 20), rng.randint(2, 6), rng.randint(1, 20)
    op, phrase = rng.choice((("+", "adds"), ("-", "subtracts")))
    meaning = Meaning(
        english=f"starts with {a}, {n} times multiplies by {k} and then {phrase} {c}, and returns the result",
        rust=f"let mut y = {a};\nfor _ in 0..{n} {{\n    y = y * {k} {op} {c};\n}}\ny",
        python=f"y = {a}\nfor _ in range({n}):\n    y = y * {k} {op} {c}\nreturn y",
    )
    return unary(n, "int", "int", meaning, (0, 1, 2, 3, 6), constants=(a, k, op, c))


@family("hard", "count_halvings", "steps_down", "shrink", "divisions", "reduce_steps", "depth")
def shrink_steps(rng: Random) -> Draft:
    """The count of divisions that bring a number down to a limit."""
    n, k, limit = rng.choice(INTS[1:]), rng.randint(2, 9), rng.randint(1, 40)
    meaning = Meaning(
        english=f"counts how often {n} must be divided by {k}, rounding down, until it is at most {limit}",
        rust=f"let mut y = {n};\nlet mut steps = 0;\nwhile y > {limit} {{\n    y /= {k};\n    steps += 1;\n}}\nsteps",
        python=f"y = {n}\nsteps = 0\nwhile y > {limit}:\n    y //= {k}\n    steps += 1\nreturn steps",
    )
    values = (*[limit * k**power + shift for power in (0, 1, 3) for shift in (0, 1, k)], 0, 9999)
    return unary(n, "int", "int", meaning, values, constants=(k, limit))


@family("hard", "steps_up", "climb", "count_growth", "rounds", "years_until", "doublings")
def growth_steps(rng: Random) -> Draft:
    """The count of growth steps that bring a number up to a limit."""
    n, k, c, limit = rng.choice(INTS[1:]), rng.randint(2, 5), rng.randint(1, 9), rng.randint(30, 99)
    meaning = Meaning(
        english=f"counts how often {n} must be multiplied by {k} and increased by {c} until it is at least {limit}",
        rust=(
            f"let mut y = {n};\nlet mut steps = 0;\n"
            f"while y < {limit} {{\n    y = y * {k} + {c};\n    steps += 1;\n}}\nsteps"
        ),
        python=f"y = {n}\nsteps = 0\nwhile y < {limit}:\n    y = y * {k} + {c}\n    steps += 1\nreturn steps",
    )
    return unary(n, "int", "int", meaning, _growth_edges(k, c, limit), constants=(k, c, limit))


def _growth_edges(k: int, c: int, limit: int) -> list[int]:
    """Starts at the limit, and on both sides of where one and two steps just reach it."""
    one = -((c - limit) // k)
    two = max(-((c - one) // k), 1)
    return unique((limit, limit - 1, limit + 1, one, one - 1, two, two + 1, max(two - 1, 0), *range(30)))


@family("hard", "digit_total", "sum_digits", "digit_score", "digits_of", "checksum", "digit_sum")
def digit_sum(rng: Random) -> Draft:
    """Sum of a map of the decimal digits."""
    n, m = rng.choice(INTS[1:]), constant_mapping(rng)
    meaning = Meaning(
        english=f"adds up {m.say('d')} for each decimal digit d of {n}, for {n} above 0",
        rust=(
            f"let mut rest = {n};\nlet mut total = 0;\nwhile rest > 0 {{\n"
            f"    let d = rest % 10;\n    total += {m.rs('d')};\n    rest /= 10;\n}}\ntotal"
        ),
        python=f"total = 0\nfor c in str({n}):\n    d = int(c)\n    total += {m.py('d')}\nreturn total",
    )
    values = (1, 7, 10, 99, 305, rng.randint(1000, 9999), rng.randint(10000, 99999))
    return unary(n, "int", "int", meaning, values, slots=(m,))


@family("medium", "count_digit", "digit_hits", "digit_count", "occurrences", "find_digit", "digit_uses")
def count_digit(rng: Random) -> Draft:
    """The count of a digit, shifted."""
    n, d, k = rng.choice(INTS[1:]), rng.randint(0, 9), rng.randint(1, 40)
    other = (d + 3) % 9 + 1
    numbers = (d, other, int(f"{other}{d}{d}"), int(f"{other}{d}{other}{d}{d}"), other * 11, 9876543210)
    meaning = Meaning(
        english=f"returns how often the digit {d} occurs in {n}, plus {k}",
        rust=f"{n}.to_string().matches('{d}').count() + {k}",
        python=f'return str({n}).count("{d}") + {k}',
    )
    return unary(n, "int", "count", meaning, numbers, constants=(d, k))


@family("hard", "next_multiple", "round_up", "align", "next_slot", "ceil_to", "advance")
def next_multiple(rng: Random) -> Draft:
    """The next number that is a multiple and not below a limit."""
    n, k = rng.choice(INTS[1:]), rng.randint(3, 25)
    low = k * rng.randint(-4, 12)
    edges = (low, low + 1, low - 1, low + k, low + k + 1, low - 40, low - k, 100)
    meaning = Meaning(
        english=f"returns the first number from {n} upwards that is at least {low} and divisible by {k}",
        rust=f"let mut y = {n};\nwhile y < {low} || y % {k} != 0 {{\n    y += 1;\n}}\ny",
        python=f"y = {n}\nwhile y < {low} or y % {k} != 0:\n    y += 1\nreturn y",
    )
    return unary(n, "int", "int", meaning, unique(edges), constants=(k, low))


@family("hard", "common", "shared_factor", "gcd_then", "divisor_of", "reduce_pair", "gcd")
def gcd(rng: Random) -> Draft:
    """Euclid's algorithm, then a map."""
    a, b = rng.sample(INTS, 2)
    m = constant_mapping(rng)
    meaning = Meaning(
        english=f"computes the greatest common divisor g of {a} and {b} and returns {m.say('g')}",
        rust=f"let (mut g, mut r) = ({a}, {b});\nwhile r != 0 {{\n    (g, r) = (r, g % r);\n}}\n{m.rs('g')}",
        python=f"g, r = {a}, {b}\nwhile r != 0:\n    g, r = r, g % r\nreturn {m.py('g')}",
    )
    inputs = ((12, 18), (18, 12), (7, 5), (9, 0), (0, 4), (0, 0), (40, 40), (84, 36), (160, 60))
    return on_ints((a, b), "int", meaning, inputs, slots=(m,))


@family("hard", "fib_like", "pair_sequence", "nth_term", "add_previous", "term", "series_term")
def two_term(rng: Random) -> Draft:
    """A Fibonacci-like sequence from two given terms."""
    n, p, q = rng.choice(INTS[1:]), rng.randint(-5, 30), rng.randint(1, 30)
    op, phrase = rng.choice((("+", "the sum of the last two"), ("-", "the last minus the one before")))
    step = "p + q" if op == "+" else "q - p"
    meaning = Meaning(
        english=f"returns term {n} of the sequence whose terms 0 and 1 are {p} and {q} and whose next term is {phrase}",
        rust=f"let (mut p, mut q) = ({p}, {q});\nfor _ in 0..{n} {{\n    (p, q) = (q, {step});\n}}\np",
        python=f"p, q = {p}, {q}\nfor _ in range({n}):\n    p, q = q, {step}\nreturn p",
    )
    return unary(n, "int", "int", meaning, (0, 1, 2, 3, 4, 9), constants=(p, q, op))


@family("hard", "divisors", "count_divisors", "factors", "factor_count", "divisor_sum", "big_divisors")
def divisors(rng: Random) -> Draft:
    """Divisors above a limit: their number or their sum."""
    n, k = rng.choice(INTS[1:]), rng.randint(1, 60)
    name, phrase, returns = rng.choice(
        (("count", "counts the divisors", "count"), ("sum", "adds up the divisors", "int"))
    )
    python = "len([d for d in {}])" if name == "count" else "sum(d for d in {})"
    loop = f"range(1, {n} + 1) if {n} % d == 0 and d > {k}"
    meaning = Meaning(
        english=f"{phrase} of {n} that are greater than {k}",
        rust=f"(1..={n}).filter(|d| {n} % d == 0 && *d > {k}).{name}()",
        python=f"return {python.format(loop)}",
    )
    values = (0, 1, k, k + 1, 2 * k, 2 * k + 2, 60, 64, 97, 120)
    return unary(n, "int", "count" if returns == "count" else "int", meaning, values, constants=(name, k))
