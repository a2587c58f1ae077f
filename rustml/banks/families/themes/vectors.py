"""Families on a slice of integers, one operation each."""

from random import Random

from rustml.banks.families.draft import Draft, family, unary
from rustml.banks.families.inputs import lists
from rustml.banks.families.meaning import Meaning
from rustml.banks.families.rustfmt import chain
from rustml.banks.families.slots import LISTS, constant_mapping, mapping, predicate


@family("easy", "sum_all", "total", "add_up", "accumulate", "sum_plus", "tally")
def sum_list(rng: Random) -> Draft:
    """The sum, shifted."""
    xs, k = rng.choice(LISTS), rng.randint(1, 60)
    op, phrase = rng.choice((("+", "plus"), ("-", "minus"), ("*", "times")))
    k = max(k, 2)
    meaning = Meaning(
        english=f"returns the sum of {xs} {phrase} {k}",
        rust=f"{xs}.iter().sum::<i64>() {op} {k}",
        python=f"return sum({xs}) {op} {k}",
    )
    return unary(xs, "ints", "int", meaning, lists(rng, (3, -8, 40)), constants=(op, k))


@family("easy", "count", "how_many", "count_if", "number_of", "tally_if", "count_matching")
def count_if(rng: Random) -> Draft:
    """The count of numbers that satisfy a predicate."""
    xs, p = rng.choice(LISTS), predicate(rng)
    meaning = Meaning(
        english=f"counts the numbers of {xs} that are {p.english}",
        rust=chain(xs, "iter()", f"filter(|&&x| {p.rs('x')})", "count()"),
        python=f"return len([x for x in {xs} if {p.py('x')}])",
    )
    return unary(xs, "ints", "count", meaning, lists(rng, p.edges), slots=(p,))


@family("easy", "check_all", "has", "verify", "test_all", "examine", "scan")
def quantifier(rng: Random) -> Draft:
    """Whether all or any satisfy a predicate."""
    xs, p = rng.choice(LISTS), predicate(rng)
    name, phrase = rng.choice((("all", "all numbers"), ("any", "any number")))
    verb = "are" if name == "all" else "is"
    equal = name == "any" and p.kind == "eq"
    k = p.constants[0] if equal else ""
    meaning = Meaning(
        english=f"tells whether {phrase} of {xs} {verb} {p.english}",
        rust=f"{xs}.contains(&{k})" if equal else f"{xs}.iter().{name}(|&x| {p.rs('x')})",
        python=f"return {k} in {xs}" if equal else f"return {name}({p.py('x')} for x in {xs})",
    )
    return unary(xs, "ints", "flag", meaning, (*lists(rng, p.edges), [p.edges[0]] * 2), slots=(p,), constants=(name,))


@family("medium", "keep", "select_from", "pick", "filter_list", "only", "retain_if")
def filter_list(rng: Random) -> Draft:
    """Those that satisfy a predicate."""
    xs, p = rng.choice(LISTS), predicate(rng)
    meaning = Meaning(
        english=f"returns the numbers of {xs} that are {p.english}",
        rust=chain(xs, "iter()", "copied()", f"filter(|&x| {p.rs('x')})", "collect()"),
        python=f"return [x for x in {xs} if {p.py('x')}]",
    )
    return unary(xs, "ints", "ints", meaning, lists(rng, p.edges), slots=(p,))


@family("medium", "map_all", "change_all", "convert_all", "each", "apply_all", "transform_all")
def map_list(rng: Random) -> Draft:
    """A map of each."""
    xs, m = rng.choice(LISTS), mapping(rng)
    meaning = Meaning(
        english=f"returns {m.say('x')} for each x of {xs}",
        rust=chain(xs, "iter()", f"map(|&x| {m.rs('x')})", "collect()"),
        python=f"return [{m.py('x')} for x in {xs}]",
    )
    return unary(xs, "ints", "ints", meaning, lists(rng, m.edges), slots=(m,))


@family("medium", "index_of", "find_index", "position", "where_is", "locate", "first_index")
def position(rng: Random) -> Draft:
    """Index of the first that satisfies a predicate."""
    xs, p = rng.choice(LISTS), predicate(rng)
    meaning = Meaning(
        english=f"returns the index of the first number of {xs} that is {p.english}, or None",
        rust=chain(xs, "iter()", f"position(|&x| {p.rs('x')})"),
        python=f"for i, x in enumerate({xs}):\n    if {p.py('x')}:\n        return i\nreturn None",
    )
    return unary(xs, "ints", "maybe_count", meaning, lists(rng, p.edges), slots=(p,))


@family("medium", "extreme", "peak", "record", "limit_of", "best_of", "bound_of")
def extreme_or(rng: Random) -> Draft:
    """Largest or smallest, with a default for the empty list."""
    xs, k = rng.choice(LISTS), rng.randint(-40, 99)
    name, phrase = rng.choice((("max", "largest"), ("min", "smallest")))
    meaning = Meaning(
        english=f"returns the {phrase} number of {xs}, or {k} if it is empty",
        rust=chain(xs, "iter()", "copied()", f"{name}()", f"unwrap_or({k})"),
        python=f"return {name}({xs}, default={k})",
    )
    return unary(xs, "ints", "int", meaning, lists(rng, (k, k + 1, k - 1)), constants=(name, k))


@family("medium", "part", "portion_of", "slice_of", "section", "front_or_rest", "crop")
def take_or_skip(rng: Random) -> Draft:
    """The first few, or all but the first few, each mapped."""
    xs, k, m = rng.choice(LISTS), rng.randint(1, 6), constant_mapping(rng)
    name = rng.choice(("take", "skip"))
    phrase = f"the first {k} numbers" if name == "take" else f"all but the first {k} numbers"
    part = f"{xs}[:{k}]" if name == "take" else f"{xs}[{k}:]"
    meaning = Meaning(
        english=f"returns {m.say('x')} for each x in {phrase} of {xs}",
        rust=chain(xs, "iter()", f"{name}({k})", f"map(|&x| {m.rs('x')})", "collect()"),
        python=f"return [{m.py('x')} for x in {part}]",
    )
    values = (*lists(rng, m.edges), list(range(-2, k - 2)), list(range(-3, k)), list(range(k + 1)))
    return unary(xs, "ints", "ints", meaning, values, slots=(m,), constants=(name, k))


@family("easy", "append", "add_last", "extend_with", "put", "with_value", "push_value")
def append(rng: Random) -> Draft:
    """A copy with one number more, at either end."""
    xs, k = rng.choice(LISTS), rng.randint(-40, 99)
    end = rng.random() < 0.5
    rust = (
        f"let mut out = {xs}.to_vec();\nout.push({k});\nout"
        if end
        else f"let mut out = vec![{k}];\nout.extend({xs});\nout"
    )
    meaning = Meaning(
        english=f"returns {xs} with {k} added at the {'end' if end else 'start'}",
        rust=rust,
        python=f"return {xs} + [{k}]" if end else f"return [{k}] + {xs}",
    )
    return unary(xs, "ints", "ints", meaning, lists(rng, (k, k + 1, k - 1)), constants=(k, end))


@family("medium", "swap_value", "replace_value", "substitute", "exchange", "recode", "fix_value")
def replace_value(rng: Random) -> Draft:
    """Each equal to one constant becomes another."""
    xs = rng.choice(LISTS)
    old, new = rng.sample(range(-20, 80), 2)
    meaning = Meaning(
        english=f"returns {xs} with each {old} replaced by {new}",
        rust=chain(xs, "iter()", f"map(|&x| if x == {old} {{ {new} }} else {{ x }})", "collect()"),
        python=f"return [{new} if x == {old} else x for x in {xs}]",
    )
    return unary(xs, "ints", "ints", meaning, lists(rng, (old, old + 1, old - 1, new)), constants=(old, new))
