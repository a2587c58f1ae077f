"""Families on one, two or three integers, answered by one expression."""

from random import Random

from rustml.banks.families.draft import Draft, family, on_ints, unary
from rustml.banks.families.inputs import ints, pairs
from rustml.banks.families.meaning import Meaning
from rustml.banks.families.slots import INTS, constant_mapping, mapping, two_mappings


@family("easy", "adjust", "shift", "convert", "apply", "compute", "update")
def map_int(rng: Random) -> Draft:
    """One map."""
    x, m = rng.choice(INTS), mapping(rng)
    meaning = Meaning(english=f"returns {m.say(x)}", rust=m.rs(x), python=f"return {m.py(x)}")
    return unary(x, "int", "int", meaning, ints(rng, m.edges), slots=(m,))


@family("easy", "linear", "scale", "affine", "line", "price", "total")
def linear(rng: Random) -> Draft:
    """`a * x + b`."""
    x, a, b, op = rng.choice(INTS), rng.randint(2, 30), rng.randint(1, 60), rng.choice("+-")
    code = f"{a} * {x} {op} {b}"
    meaning = Meaning(
        english=f"returns {a} times {x} {'plus' if op == '+' else 'minus'} {b}",
        rust=code,
        python=f"return {code}",
    )
    return unary(x, "int", "int", meaning, ints(rng, (0, 1, -1, 7)), constants=(a, op, b))


@family("easy", "combine", "mix", "merge", "join_values", "weigh", "balance")
def two_args(rng: Random) -> Draft:
    """Two arguments, one operator, one constant."""
    a, b = rng.sample(INTS, 2)
    op, phrase = rng.choice((("+", "plus"), ("-", "minus"), ("*", "times")))
    outer, outer_phrase = rng.choice((("+", "plus"), ("-", "minus")))
    k = rng.randint(1, 60)
    code = f"{a} {op} {b} {outer} {k}"
    meaning = Meaning(english=f"returns {a} {phrase} {b} {outer_phrase} {k}", rust=code, python=f"return {code}")
    return on_ints((a, b), "int", meaning, pairs(rng, (0, 3, -5), (1, 7, -2)), constants=(op, outer, k))


@family("easy", "distance", "gap", "difference", "spread", "delta", "diff")
def distance(rng: Random) -> Draft:
    """Absolute difference, then a map."""
    a, b = rng.sample(INTS, 2)
    m = constant_mapping(rng)
    edges = (*m.edges, 0)
    meaning = Meaning(
        english=f"takes the absolute difference d of {a} and {b} and returns {m.say('d')}",
        rust=f"let d = ({a} - {b}).abs();\n{m.rs('d')}",
        python=f"d = abs({a} - {b})\nreturn {m.py('d')}",
    )
    inputs = tuple([(e, 0) for e in edges] + [(0, e) for e in edges[:2]] + [(9, 4), (4, 9), (-3, 5)])
    return on_ints((a, b), "int", meaning, inputs, slots=(m,))


@family("easy", "clamp_value", "limit", "bound", "restrict", "keep_within", "fit")
def clamp(rng: Random) -> Draft:
    """Both bounds at once."""
    x, low = rng.choice(INTS), rng.randint(-30, 40)
    high = low + rng.randint(2, 50)
    meaning = Meaning(
        english=f"limits {x} to the range from {low} to {high}",
        rust=f"{x}.clamp({low}, {high})",
        python=f"return max({low}, min({high}, {x}))",
    )
    return unary(x, "int", "int", meaning, ints(rng, (low, high, low - 1, high + 1, low + 1)), constants=(low, high))


@family("medium", "remainder", "wrap", "cycle", "residue", "modulo", "rest")
def remainder(rng: Random) -> Draft:
    """Euclidean remainder, so that Rust and Python agree on negatives."""
    x, k, b = rng.choice(INTS), rng.randint(2, 40), rng.randint(1, 40)
    meaning = Meaning(
        english=f"returns the non-negative remainder of {x} divided by {k}, plus {b}",
        rust=f"{x}.rem_euclid({k}) + {b}",
        python=f"return {x} % {k} + {b}",
    )
    return unary(x, "int", "int", meaning, ints(rng, (k, k - 1, k + 1, -1, 2 * k)), constants=(k, b))


@family("medium", "divide", "share", "split_evenly", "quotient", "portion", "group")
def quotient(rng: Random) -> Draft:
    """Floor division by a positive constant."""
    x, k, m = rng.choice(INTS), rng.randint(2, 40), constant_mapping(rng)
    english = f"divides {x} by {k} rounding down to get q and returns {m.say('q')}"
    meaning = Meaning(
        english=english,
        rust=f"let q = {x}.div_euclid({k});\n{m.rs('q')}",
        python=f"q = {x} // {k}\nreturn {m.py('q')}",
    )
    values = ints(rng, (k, k - 1, -1, -k - 1, 3 * k, *[k * e for e in m.edges]))
    return unary(x, "int", "int", meaning, values, slots=(m,), constants=(k,))


@family("medium", "quadratic", "polynomial", "curve", "parabola", "evaluate", "poly")
def quadratic(rng: Random) -> Draft:
    """`a * x * x + b * x + c`."""
    x = rng.choice(INTS)
    a, b, c = rng.randint(2, 9), rng.randint(2, 9), rng.randint(1, 30)
    op = rng.choice("+-")
    code = f"{a} * {x} * {x} {op} {b} * {x} + {c}"
    meaning = Meaning(
        english=f"returns {a} times {x} squared {'plus' if op == '+' else 'minus'} {b} times {x} plus {c}",
        rust=code,
        python=f"return {code}",
    )
    return unary(x, "int", "int", meaning, ints(rng, (0, 1, 2, -1, -3)), constants=(a, op, b, c))


@family("medium", "power_sum", "raise_to", "power", "cube_plus", "exponent", "grow_by")
def power(rng: Random) -> Draft:
    """A fixed power, scaled."""
    x, k, a, b = rng.choice(INTS), rng.randint(3, 5), rng.randint(2, 9), rng.randint(1, 40)
    meaning = Meaning(
        english=f"returns {a} times {x} to the power {k}, plus {b}",
        rust=f"{a} * {x}.pow({k}) + {b}",
        python=f"return {a} * {x} ** {k} + {b}",
    )
    return unary(x, "int", "int", meaning, (0, 1, 2, -1, -3, 5), constants=(k, a, b))


@family("medium", "chain", "two_steps", "process", "transform", "step_twice", "pipeline")
def two_maps(rng: Random) -> Draft:
    """One map after another."""
    x = rng.choice(INTS)
    f, g = two_mappings(rng)
    edges = (*f.edges, *g.edges)
    meaning = Meaning(
        english=f"sets y to {f.say(x)} and returns {g.say('y')}",
        rust=f"let y = {f.rs(x)};\n{g.rs('y')}",
        python=f"y = {f.py(x)}\nreturn {g.py('y')}",
    )
    return unary(x, "int", "int", meaning, ints(rng, edges), slots=(f, g))


@family("medium", "pick_larger", "best", "larger", "highest", "top", "choose")
def extreme_of_two(rng: Random) -> Draft:
    """The larger or smaller of two maps of two arguments."""
    a, b = rng.sample(INTS, 2)
    f, g = two_mappings(rng)
    name, phrase = rng.choice((("max", "larger"), ("min", "smaller")))
    meaning = Meaning(
        english=f"sets p to {f.say(a)} and q to {g.say(b)} and returns the {phrase} of p and q",
        rust=f"let p = {f.rs(a)};\nlet q = {g.rs(b)};\np.{name}(q)",
        python=f"p = {f.py(a)}\nq = {g.py(b)}\nreturn {name}(p, q)",
    )
    inputs = (*pairs(rng, f.edges, g.edges), (-90, 80), (120, -95), (-200, 900), (900, -200))
    return on_ints((a, b), "int", meaning, inputs, slots=(f, g), constants=(name,))
