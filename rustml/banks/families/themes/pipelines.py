"""Families on a slice of integers that chain several operations."""

from random import Random

from rustml.banks.families.draft import Draft, family, unary
from rustml.banks.families.inputs import lists, unique
from rustml.banks.families.meaning import Meaning
from rustml.banks.families.rustfmt import chain
from rustml.banks.families.slots import LISTS, inverse, mapping, predicate, threshold, two_predicates
from rustml.banks.families.types import Kind


def _selected_and_mapped(rng: Random, returns: Kind, verb: str, last: str, python: str) -> Draft:
    """`python` is the expression in which `{}` stands for the mapped numbers."""
    xs, p, m = rng.choice(LISTS), predicate(rng), mapping(rng)
    mapped = f"{m.py('x')} for x in {xs} if {p.py('x')}"
    meaning = Meaning(
        english=f"{verb} {m.say('x')} for each x of {xs} that is {p.english}",
        rust=chain(xs, "iter()", f"filter(|&&x| {p.rs('x')})", f"map(|&x| {m.rs('x')})", last),
        python=f"return {python.format(mapped)}",
    )
    return unary(xs, "ints", returns, meaning, lists(rng, (*p.edges, *m.edges)), slots=(p, m))


@family("hard", "filtered_sum", "sum_selected", "collect_score", "weighted_sum", "gather", "score_all")
def filter_map_sum(rng: Random) -> Draft:
    """Filter, map, sum."""
    return _selected_and_mapped(rng, "int", "adds up", "sum()", "sum({})")


@family("hard", "filtered_map", "select_and_change", "refine", "extract", "sift", "convert_some")
def filter_map_list(rng: Random) -> Draft:
    """Filter, map, collect."""
    return _selected_and_mapped(rng, "ints", "returns", "collect()", "[{}]")


@family("hard", "count_changed", "count_after", "tally_after", "check_count", "after_change", "hits_after")
def map_filter_count(rng: Random) -> Draft:
    """Map, filter on the mapped value, count."""
    xs, m, p = rng.choice(LISTS), mapping(rng), predicate(rng)
    edges = tuple([inverse(m, edge) for edge in p.edges])
    meaning = Meaning(
        english=f"sets y to {m.say('x')} for each x of {xs} and counts the y that are {p.english}",
        rust=chain(xs, "iter()", f"map(|&x| {m.rs('x')})", f"filter(|&y| {p.rs('y')})", "count()"),
        python=f"ys = [{m.py('x')} for x in {xs}]\nreturn len([y for y in ys if {p.py('y')}])",
    )
    return unary(xs, "ints", "count", meaning, (*lists(rng, edges), list(range(-12, 13)), list(m.edges)), slots=(m, p))


@family("hard", "count_both", "double_check", "count_strict", "screen", "two_tests", "count_pairs")
def filter_both_count(rng: Random) -> Draft:
    """The count of numbers that satisfy two predicates."""
    xs = rng.choice(LISTS)
    p, q, around = two_predicates(rng)
    meaning = Meaning(
        english=f"counts the numbers of {xs} that are {p.english} and {q.english}",
        rust=chain(xs, "iter()", f"filter(|&&x| {p.rs('x')} && {q.rs('x')})", "count()"),
        python=f"return len([x for x in {xs} if {p.py('x')} and {q.py('x')}])",
    )
    values = (*lists(rng, (*p.edges, *q.edges)), list(around[::2]), list(around[1::2]), list(around[:14]))
    return unary(xs, "ints", "count", meaning, values, slots=tuple(sorted((p, q))))


@family("hard", "balance_of", "net", "net_sum", "difference_of", "offset", "signed_sum")
def split_sum(rng: Random) -> Draft:
    """Some added, the others handled otherwise."""
    xs, p, m = rng.choice(LISTS), predicate(rng), mapping(rng)
    meaning = Meaning(
        english=f"starts at 0, adds {m.say('x')} for each x of {xs} that is {p.english}, and subtracts every other x",
        rust=(
            f"let mut out = 0;\nfor &x in {xs} {{\n    if {p.rs('x')} {{\n        out += {m.rs('x')};\n"
            "    } else {\n        out -= x;\n    }\n}\nout"
        ),
        python=(
            f"out = 0\nfor x in {xs}:\n    if {p.py('x')}:\n        out += {m.py('x')}\n"
            "    else:\n        out -= x\nreturn out"
        ),
    )
    return unary(xs, "ints", "int", meaning, lists(rng, (*p.edges, *m.edges)), slots=(p, m))


@family("hard", "weighted", "index_sum", "weigh_all", "position_sum", "place_value", "rank_sum")
def weighted_sum(rng: Random) -> Draft:
    """Each times its index, shifted, where a predicate holds."""
    xs, p, k = rng.choice(LISTS), predicate(rng), rng.randint(1, 9)
    meaning = Meaning(
        english=f"adds up x times its index plus {k} for each x of {xs} that is {p.english}",
        rust=(
            f"let mut out = 0;\nfor (i, &x) in {xs}.iter().enumerate() {{\n    if {p.rs('x')} {{\n"
            f"        out += x * i as i64 + {k};\n    }}\n}}\nout"
        ),
        python=f"return sum(x * i + {k} for i, x in enumerate({xs}) if {p.py('x')})",
    )
    return unary(xs, "ints", "int", meaning, lists(rng, p.edges), slots=(p,), constants=(k,))


@family("hard", "rises", "count_jumps", "jumps", "count_steps", "big_steps", "neighbours")
def adjacent(rng: Random) -> Draft:
    """Neighbours compared with a margin."""
    xs, k = rng.choice(LISTS), rng.randint(1, 60)
    op, phrase = rng.choice(((">", "more than"), (">=", "at least")))
    steps = (k, k + 1, k - 1, -k, 2, k + 7, -3)
    walk = [0]
    for step in steps:
        walk.append(walk[-1] + step)
    meaning = Meaning(
        english=f"counts the neighbours in {xs} where the second is {phrase} {k} above the first",
        rust=f"{xs}.windows(2).filter(|w| w[1] - w[0] {op} {k}).count()",
        python=f"return len([b for a, b in zip({xs}, {xs}[1:]) if b - a {op} {k}])",
    )
    values: tuple[list[int], ...] = ([], [5], walk, walk[::-1], [3, 3 + k], [3 + k, 3], [1, 2 + k], [9, 8 + k])
    return unary(xs, "ints", "count", meaning, values, constants=(op, k))


@family("hard", "running", "running_total", "cumulate", "partial_sums", "progress", "prefix_sums")
def running(rng: Random) -> Draft:
    """Running totals of a map, from a start."""
    xs, m, k = rng.choice(LISTS), mapping(rng), rng.randint(0, 60)
    meaning = Meaning(
        english=f"returns the running totals, starting from {k}, of {m.say('x')} for each x of {xs}",
        rust=(
            f"let mut sum = {k};\nlet mut out = Vec::new();\nfor &x in {xs} {{\n"
            f"    sum += {m.rs('x')};\n    out.push(sum);\n}}\nout"
        ),
        python=f"total = {k}\nout = []\nfor x in {xs}:\n    total += {m.py('x')}\n    out.append(total)\nreturn out",
    )
    return unary(xs, "ints", "ints", meaning, lists(rng, m.edges), slots=(m,), constants=(k,))


_LIST_PAIRS: tuple[tuple[list[int], list[int]], ...] = (
    ([3], []),
    ([2], [5]),
    ([1, -2, 3], [4, 5, -6]),
    ([7, 8, 9], [1, 30]),
)


@family("hard", "dot", "pair_sum", "zip_sum", "match_up", "inner", "combine_lists")
def zip_sum(rng: Random) -> Draft:
    """Two lists side by side."""
    xs, ys = rng.sample(LISTS, 2)
    op, phrase = rng.choice((("*", "times"), ("+", "plus"), ("-", "minus")))
    m = mapping(rng)
    meaning = Meaning(
        english=f"adds up {m.say('x')} {phrase} y for each pair x, y of {xs} and {ys}",
        rust=chain(xs, "iter()", f"zip({ys})", f"map(|(&x, &y)| {m.rs_term('x')} {op} y)", "sum()"),
        python=f"return sum({m.py_term('x')} {op} y for x, y in zip({xs}, {ys}))",
    )
    return Draft(
        args=((xs, "ints"), (ys, "ints")),
        returns="int",
        meaning=meaning,
        inputs=(([], []), *_LIST_PAIRS, (list(m.edges), [9, 4, 11])),
        slots=(m,),
        constants=(op,),
    )


@family("hard", "best_match", "extreme_if", "peak_where", "top_where", "filtered_peak", "best_or")
def filtered_extreme(rng: Random) -> Draft:
    """Largest or smallest of those that satisfy a predicate, or a default."""
    xs, p, k = rng.choice(LISTS), predicate(rng), rng.randint(-40, 99)
    name, phrase = rng.choice((("max", "largest"), ("min", "smallest")))
    meaning = Meaning(
        english=f"returns the {phrase} number of {xs} that is {p.english}, or {k} if there is none",
        rust=chain(xs, "iter()", "copied()", f"filter(|&x| {p.rs('x')})", f"{name}()", f"unwrap_or({k})"),
        python=f"return {name}([x for x in {xs} if {p.py('x')}], default={k})",
    )
    values = (*lists(rng, p.edges), list(range(p.edges[0] - 9, p.edges[0] + 10, 3)))
    return unary(xs, "ints", "int", meaning, values, slots=(p,), constants=(name, k))


@family("medium", "smallest_few", "sorted_part", "top_few", "ranked", "podium", "sorted_head")
def sorted_part(rng: Random) -> Draft:
    """The first few in order, with a number added."""
    xs, k, extra = rng.choice(LISTS), rng.randint(1, 5), rng.randint(-30, 80)
    meaning = Meaning(
        english=f"adds {extra} to the numbers of {xs} as one more number, sorts them, and returns the first {k}",
        rust=f"let mut out = {xs}.to_vec();\nout.push({extra});\nout.sort();\nout.truncate({k});\nout",
        python=f"return sorted({xs} + [{extra}])[:{k}]",
    )
    values = (*lists(rng, (extra, extra + 1, extra - 1)), [90, 95, 85, 99, 97, 93], [-50, -60, -70, -80, -40, -90])
    return unary(xs, "ints", "ints", meaning, values, constants=(k, extra))


@family("medium", "leading", "trim_front", "head_while", "cut_where", "prefix_of", "run_of")
def while_part(rng: Random) -> Draft:
    """The start of a list while a predicate holds, or what follows it."""
    xs, p = rng.choice(LISTS), predicate(rng)
    take = rng.random() < 0.5
    name = "take_while" if take else "skip_while"
    python = (
        f"out = []\nfor x in {xs}:\n    if not ({p.py('x')}):\n        break\n    out.append(x)\nreturn out"
        if take
        else f"i = 0\nwhile i < len({xs}) and {p.py(f'{xs}[i]')}:\n    i += 1\nreturn {xs}[i:]"
    )
    meaning = Meaning(
        english=f"{'keeps' if take else 'drops'} the numbers at the start of {xs} as long as they are {p.english}",
        rust=chain(xs, "iter()", "copied()", f"{name}(|&x| {p.rs('x')})", "collect()"),
        python=python,
    )
    values = (*lists(rng, p.edges), list(p.edges), unique([p.edges[0], *p.edges[::-1]]))
    return unary(xs, "ints", "ints", meaning, values, slots=(p,), constants=(take,))


@family("hard", "spread_above", "tally_both", "split_count", "divide_up", "sides", "two_counts")
def two_counts(rng: Random) -> Draft:
    """Counts on both sides of a threshold, as a pair."""
    xs, p, m = rng.choice(LISTS), threshold(rng), mapping(rng)
    meaning = Meaning(
        english=f"returns the sum of {m.say('x')} for the x of {xs} that are {p.english}, and the count of the others",
        rust=(
            f"let mut sum = 0;\nlet mut others = 0;\nfor &x in {xs} {{\n    if {p.rs('x')} {{\n"
            f"        sum += {m.rs('x')};\n    }} else {{\n        others += 1;\n    }}\n}}\n(sum, others)"
        ),
        python=(
            f"total = 0\nothers = 0\nfor x in {xs}:\n    if {p.py('x')}:\n        total += {m.py('x')}\n"
            "    else:\n        others += 1\nreturn (total, others)"
        ),
    )
    return unary(xs, "ints", "pair", meaning, lists(rng, (*p.edges, *m.edges)), slots=(p, m))


@family("medium", "every_nth", "sample_list", "thin_out", "every_few", "stride", "steps_of")
def step_by(rng: Random) -> Draft:
    """Every few elements from an offset, mapped."""
    xs, start, k, m = rng.choice(LISTS), rng.randint(1, 4), rng.randint(2, 5), mapping(rng)
    meaning = Meaning(
        english=f"returns {m.say('x')} for every x in steps of {k} of {xs}, from index {start} on",
        rust=chain(xs, "iter()", f"skip({start})", f"step_by({k})", f"map(|&x| {m.rs('x')})", "collect()"),
        python=f"return [{m.py('x')} for x in {xs}[{start}::{k}]]",
    )
    values = (*lists(rng, m.edges), list(range(-3, 14)), [m.edges[0] + step for step in range(12)])
    return unary(xs, "ints", "ints", meaning, values, slots=(m,), constants=(start, k))
