"""Families on Option, Result and tuples."""

from random import Random

from rustml.banks.families.draft import Draft, family, on_ints, unary
from rustml.banks.families.inputs import ints, lists, pairs
from rustml.banks.families.meaning import Meaning, either, literal
from rustml.banks.families.rustfmt import chain
from rustml.banks.families.slots import INTS, LISTS, constant_mapping, mapping, predicate, threshold, two_mappings

ERRORS = ("bad", "too big", "too small", "invalid", "odd one", "denied", "range", "missing", "empty", "wrong")


def _maybes(edges: tuple[int, ...], rng: Random) -> list[int | None]:
    return [None, *ints(rng, edges)]


@family("easy", "or_default", "value_or", "unwrap", "get_or", "fallback", "otherwise")
def unwrap_or(rng: Random) -> Draft:
    """The value or a constant, shifted."""
    x, d, k = rng.choice(INTS), rng.randint(-30, 90), rng.randint(1, 40)
    op, phrase = rng.choice((("+", "plus"), ("-", "minus")))
    meaning = Meaning(
        english=f"returns {x}, or {d} if it is None, {phrase} {k}",
        rust=f"{x}.unwrap_or({d}) {op} {k}",
        python=f"return ({d} if {x} is None else {x}) {op} {k}",
    )
    return unary(x, "maybe", "int", meaning, _maybes((d, 5, -7), rng), constants=(d, op, k))


@family("medium", "map_or", "change_or", "apply_or", "use_or", "compute_or", "adjust_or")
def option_map_or(rng: Random) -> Draft:
    """A map of the value, or a constant."""
    x, m, d = rng.choice(INTS[1:]), mapping(rng), rng.randint(-30, 90)
    meaning = Meaning(
        english=f"returns {m.say(x)}, or {d} if {x} is None",
        rust=f"{x}.map_or({d}, |x| {m.rs('x')})",
        python=f"return {d} if {x} is None else {m.py(x)}",
    )
    return unary(x, "maybe", "int", meaning, _maybes(m.edges, rng), slots=(m,), constants=(d,))


@family("medium", "some_if", "only_if", "guard", "optional", "maybe", "when")
def some_if(rng: Random) -> Draft:
    """Some of a map where a predicate holds."""
    x, p, m = rng.choice(INTS), predicate(rng), mapping(rng)
    some = Meaning(m.say(x), f"Some({m.rs(x)})", m.py(x))
    values = ints(rng, (*p.edges, *m.edges))
    return unary(x, "int", "maybe", either(p.holds(x), some, literal("None")), values, slots=(p, m))


@family("medium", "filter_some", "keep_if", "accept_if", "admit", "drop_unless", "pass_if")
def option_filter(rng: Random) -> Draft:
    """The value where a predicate holds."""
    x, p = rng.choice(INTS[1:]), predicate(rng)
    meaning = Meaning(
        english=f"returns {x} if it is not None and {p.english}, otherwise None",
        rust=f"{x}.filter(|&x| {p.rs('x')})",
        python=f"if {x} is not None and {p.py(x)}:\n    return {x}\nreturn None",
    )
    return unary(x, "maybe", "maybe", meaning, _maybes(p.edges, rng), slots=(p,))


@family("hard", "option_chain", "chain_or", "refine_or", "convert_or", "sieve", "gate")
def option_chain(rng: Random) -> Draft:
    """Filter, map, default."""
    x, p, m, d = rng.choice(INTS[1:]), predicate(rng), mapping(rng), rng.randint(-30, 90)
    meaning = Meaning(
        english=f"returns {m.say(x)} if {x} is not None and {p.english}, otherwise {d}",
        rust=chain(x, f"filter(|&x| {p.rs('x')})", f"map_or({d}, |x| {m.rs('x')})"),
        python=f"if {x} is not None and {p.py(x)}:\n    return {m.py(x)}\nreturn {d}",
    )
    return unary(x, "maybe", "int", meaning, _maybes((*p.edges, *m.edges), rng), slots=(p, m), constants=(d,))


@family("hard", "add_options", "both_some", "zip_options", "join_options", "if_both", "combine_some")
def option_pair(rng: Random) -> Draft:
    """Both values or None."""
    a, b = rng.sample(INTS, 2)
    m, (op, phrase) = mapping(rng), rng.choice((("+", "plus"), ("-", "minus"), ("*", "times")))
    values = [(edge, other) for edge, other in zip((*m.edges, 80, -60), (3, -4, 9, 11, 7, 6, 5, 8), strict=False)]
    meaning = Meaning(
        english=f"returns p {phrase} {b}, where p is {m.say(a)}, or None if {a} or {b} is None",
        rust=f"match ({a}, {b}) {{\n    (Some({a}), Some({b})) => Some({m.rs_term(a)} {op} {b}),\n    _ => None,\n}}",
        python=f"if {a} is None or {b} is None:\n    return None\nreturn {m.py_term(a)} {op} {b}",
    )
    return Draft(
        args=((a, "maybe"), (b, "maybe")),
        returns="maybe",
        meaning=meaning,
        inputs=((None, None), (5, None), (None, 5), *values),
        slots=(m,),
        constants=(op,),
    )


@family("medium", "first_where", "find_first", "search", "first_match", "seek", "find_it")
def find_map(rng: Random) -> Draft:
    """The first or last that satisfies a predicate."""
    xs, p = rng.choice(LISTS), predicate(rng)
    last = rng.random() < 0.5
    calls, order = (("copied()", "rev()"), f"reversed({xs})") if last else (("copied()",), xs)
    meaning = Meaning(
        english=f"returns the {'last' if last else 'first'} number of {xs} that is {p.english}, or None",
        rust=chain(xs, "iter()", *calls, f"find(|&x| {p.rs('x')})"),
        python=f"for x in {order}:\n    if {p.py('x')}:\n        return x\nreturn None",
    )
    values = (*lists(rng, p.edges), list(range(-20, 61)))
    return unary(xs, "ints", "maybe", meaning, values, slots=(p,), constants=(last,))


@family("hard", "first_changed", "find_then", "seek_and_apply", "find_and_map", "match_then", "hunt")
def find_then(rng: Random) -> Draft:
    """A map of the first that satisfies a predicate, or a default."""
    xs, p, m, d = rng.choice(LISTS), predicate(rng), mapping(rng), rng.randint(-30, 90)
    meaning = Meaning(
        english=f"finds the first x of {xs} that is {p.english} and returns {m.say('x')}, or {d} if there is none",
        rust=chain(xs, "iter()", "copied()", f"find(|&x| {p.rs('x')})", f"map_or({d}, |x| {m.rs('x')})"),
        python=f"for x in {xs}:\n    if {p.py('x')}:\n        return {m.py('x')}\nreturn {d}",
    )
    values = (*lists(rng, (*p.edges, *m.edges)), *[[edge] for edge in m.edges])
    return unary(xs, "ints", "int", meaning, values, slots=(p, m), constants=(d,))


@family("medium", "at_or", "element_or", "item_or", "get_item", "at_index", "pick_index")
def index_or(rng: Random) -> Draft:
    """The element at an index, mapped, or a default."""
    xs, i, m, d = rng.choice(LISTS), rng.randint(1, 6), constant_mapping(rng), rng.randint(-30, 90)
    meaning = Meaning(
        english=f"takes the number x at index {i} of {xs} and returns {m.say('x')}, or {d} if {xs} is too short",
        rust=f"{xs}.get({i}).map_or({d}, |&x| {m.rs('x')})",
        python=f"if len({xs}) <= {i}:\n    return {d}\nx = {xs}[{i}]\nreturn {m.py('x')}",
    )
    values = (
        [],
        list(range(10, 10 + i)),
        list(range(20, 21 + i)),
        *[[77 + step for step in range(i)] + [edge, 33, 55] for edge in m.edges],
    )
    return unary(xs, "ints", "int", meaning, values, slots=(m,), constants=(i, d))


@family("medium", "validate", "ensure", "require", "checked", "verify_input", "inspect")
def result_if(rng: Random) -> Draft:
    """An error where a predicate holds, otherwise a map."""
    x, p, m, error = rng.choice(INTS), predicate(rng), mapping(rng), rng.choice(ERRORS)
    failure = Meaning(f'the error "{error}"', f'Err("{error}".to_string())', f'"{error}"')
    success = Meaning(m.say(x), f"Ok({m.rs(x)})", m.py(x))
    values = ints(rng, (*p.edges, *m.edges))
    return unary(x, "int", "outcome", either(p.holds(x), failure, success), values, slots=(p, m), constants=(error,))


@family("hard", "validate_range", "two_errors", "admission", "check_range", "strict", "review")
def result_two_errors(rng: Random) -> Draft:
    """Two different errors, otherwise a map."""
    x, low, m = rng.choice(INTS), rng.randint(-20, 40), mapping(rng)
    high = low + rng.randint(2, 40)
    small, large = rng.sample(ERRORS, 2)
    meaning = Meaning(
        english=(
            f'returns the error "{small}" if {x} is less than {low}, the error "{large}" if it is greater than {high}, '
            f"otherwise {m.say(x)}"
        ),
        rust=(
            f'if {x} < {low} {{\n    Err("{small}".to_string())\n}} else if {x} > {high} {{\n'
            f'    Err("{large}".to_string())\n}} else {{\n    Ok({m.rs(x)})\n}}'
        ),
        python=f'if {x} < {low}:\n    return "{small}"\nif {x} > {high}:\n    return "{large}"\nreturn {m.py(x)}',
    )
    values = ints(rng, (low, low - 1, low + 1, high, high + 1, high - 1, *m.edges))
    return unary(x, "int", "outcome", meaning, values, slots=(m,), constants=(low, high, small, large))


@family("medium", "safe_divide", "divide_or", "ratio", "per_unit", "try_divide", "checked_ratio")
def checked_divide(rng: Random) -> Draft:
    """A quotient, or None for a zero divisor, of numbers that are not negative."""
    a, b = rng.sample(INTS, 2)
    m = constant_mapping(rng)
    edges = [(edge, 1) for edge in m.edges if edge >= 0]
    meaning = Meaning(
        english=f"returns None if {b} is 0, otherwise {m.say('q')} where q is {a} divided by {b} rounding down",
        rust=f"if {b} == 0 {{\n    return None;\n}}\nlet q = {a} / {b};\nSome({m.rs('q')})",
        python=f"if {b} == 0:\n    return None\nq = {a} // {b}\nreturn {m.py('q')}",
    )
    inputs = ((5, 0), (0, 0), (9, 2), (8, 2), (7, 2), (0, 3), (90, 7), (91, 1), *edges)
    return on_ints((a, b), "maybe", meaning, inputs, slots=(m,))


@family("hard", "parse_or", "read_number", "parse_value", "number_from", "to_number", "read_or")
def parse_or(rng: Random) -> Draft:
    """A number read from text, mapped, or a default."""
    s = rng.choice(("s", "text", "line", "input", "word"))
    m, d = mapping(rng), rng.randint(-30, 90)
    values = ("", "abc", "12x", "-", "120", "-75", "0", *map(str, m.edges))
    meaning = Meaning(
        english=f"reads an integer x from {s} and returns {m.say('x')}, or {d} if {s} is not an integer",
        rust=chain(s, "parse::<i64>()", f"map_or({d}, |x| {m.rs('x')})"),
        python=f"try:\n    x = int({s})\nexcept ValueError:\n    return {d}\nreturn {m.py('x')}",
    )
    return unary(s, "text", "int", meaning, values, slots=(m,), constants=(d,))


@family("medium", "both_ways", "two_values", "pair_of", "twins", "fork", "as_pair")
def map_pair(rng: Random) -> Draft:
    """Two maps, as a pair."""
    x = rng.choice(INTS)
    f, g = two_mappings(rng)
    meaning = Meaning(
        english=f"returns the pair of {f.say(x)} and {g.say(x)}",
        rust=f"({f.rs(x)}, {g.rs(x)})",
        python=f"return ({f.py(x)}, {g.py(x)})",
    )
    return unary(x, "int", "pair", meaning, ints(rng, (*f.edges, *g.edges)), slots=(f, g))


@family("hard", "arrange", "order_pair", "swap_if", "sort_pair", "place", "route_pair")
def swap_pair(rng: Random) -> Draft:
    """Two arguments swapped where a predicate holds, one of them mapped."""
    a, b = rng.sample(INTS, 2)
    p, m = threshold(rng), mapping(rng)
    swapped = Meaning(f"the pair of {b} and {m.say(a)}", f"({b}, {m.rs(a)})", f"({b}, {m.py(a)})")
    kept = Meaning(f"the pair of {a} and {b}", f"({a}, {b})", f"({a}, {b})")
    inputs = (*pairs(rng, p.edges, (1, 17)), *pairs(rng, m.edges, (2,)))
    return on_ints((a, b), "pair", either(p.holds(a), swapped, kept), inputs, slots=(p, m))
