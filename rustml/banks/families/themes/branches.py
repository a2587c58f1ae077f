"""Families that choose between answers."""

from random import Random

from rustml.banks.families.draft import Draft, family, on_ints, unary
from rustml.banks.families.inputs import ints, pairs
from rustml.banks.families.meaning import Meaning, either, literal
from rustml.banks.families.slots import INTS, both_hold, predicate, threshold, two_mappings, two_predicates

LABELS = ("low", "high", "small", "big", "cold", "warm", "hot", "good", "bad", "near", "far", "yes", "no", "stop", "go")


@family("easy", "select", "bonus", "fee", "rate", "score", "level")
def if_constant(rng: Random) -> Draft:
    """One predicate, two constants."""
    x, p = rng.choice(INTS), predicate(rng)
    yes, no = rng.sample(range(-9, 100), 2)
    meaning = either(p.holds(x), literal(yes), literal(no))
    return unary(x, "int", "int", meaning, ints(rng, p.edges), slots=(p,), constants=(yes, no))


@family("medium", "branch", "adjust_if", "route", "decide", "settle", "correct")
def if_map(rng: Random) -> Draft:
    """One predicate, two maps."""
    x, p = rng.choice(INTS), predicate(rng)
    f, g = two_mappings(rng)
    values = ints(rng, (*p.edges, *f.edges, *g.edges))
    return unary(x, "int", "int", either(p.holds(x), f.of(x), g.of(x)), values, slots=(p, f, g))


@family("medium", "grade", "classify", "label", "describe", "name_of", "kind_of")
def if_label(rng: Random) -> Draft:
    """One predicate, two words."""
    x, p = rng.choice(INTS), predicate(rng)
    yes, no = rng.sample(LABELS, 2)
    meaning = either(p.holds(x), literal(f'"{yes}"'), literal(f'"{no}"'))
    return unary(x, "int", "label", meaning, ints(rng, p.edges), slots=(p,), constants=(yes, no))


@family("medium", "bracket", "tier", "band", "zone", "stage_of", "step_price")
def three_way(rng: Random) -> Draft:
    """Two thresholds, three constants."""
    x, low = rng.choice(INTS), rng.randint(-20, 40)
    high = low + rng.randint(2, 40)
    one, two, three = rng.sample(range(-9, 100), 3)
    meaning = Meaning(
        english=f"returns {one} if {x} is less than {low}, {two} if it is less than {high}, otherwise {three}",
        rust=f"if {x} < {low} {{\n    {one}\n}} else if {x} < {high} {{\n    {two}\n}} else {{\n    {three}\n}}",
        python=f"if {x} < {low}:\n    return {one}\nif {x} < {high}:\n    return {two}\nreturn {three}",
    )
    values = ints(rng, (low, low - 1, low + 1, high, high - 1, high + 1))
    return unary(x, "int", "int", meaning, values, constants=(low, high, one, two, three))


@family("hard", "nested", "sort_case", "resolve", "plan", "judge_case", "navigate")
def nested(rng: Random) -> Draft:
    """A branch in a branch, on two arguments."""
    a, b = rng.sample(INTS, 2)
    p, q = threshold(rng), predicate(rng)
    f, g = two_mappings(rng)
    k = rng.randint(-9, 99)
    meaning = Meaning(
        english=(
            f"returns {k} if {a} is not {p.english}, otherwise {f.say(a)} if {b} is {q.english}, otherwise {g.say(b)}"
        ),
        rust=(
            f"if {p.rs(a)} {{\n    if {q.rs(b)} {{\n        {f.rs(a)}\n    }} else {{\n        {g.rs(b)}\n    }}\n"
            f"}} else {{\n    {k}\n}}"
        ),
        python=f"if not ({p.py(a)}):\n    return {k}\nif {q.py(b)}:\n    return {f.py(a)}\nreturn {g.py(b)}",
    )
    inputs = (*pairs(rng, p.edges, q.edges), *pairs(rng, f.edges, g.edges))
    return on_ints((a, b), "int", meaning, inputs, slots=(p, q, f, g), constants=(k,))


@family("medium", "lookup", "code_for", "translate", "table", "decode", "value_of")
def match_constants(rng: Random) -> Draft:
    """A match with two literal arms and a default."""
    x = rng.choice(INTS)
    first, second = rng.sample(range(-9, 60), 2)
    one, two, other = rng.sample(range(-9, 100), 3)
    meaning = Meaning(
        english=f"returns {one} for {first}, {two} for {second}, and {other} for any other {x}",
        rust=f"match {x} {{\n    {first} => {one},\n    {second} => {two},\n    _ => {other},\n}}",
        python=f"if {x} == {first}:\n    return {one}\nif {x} == {second}:\n    return {two}\nreturn {other}",
    )
    values = ints(rng, (first, second, first + 1, first - 1, second + 1, second - 1))
    return unary(x, "int", "int", meaning, values, constants=(first, second, one, two, other))


@family("easy", "toggle", "switch", "mode", "apply_flag", "maybe_change", "use_flag")
def flag_branch(rng: Random) -> Draft:
    """A flag chooses one of two maps."""
    x = rng.choice(INTS)
    flag = rng.choice(("flag", "active", "open", "ready", "on"))
    f, g = two_mappings(rng)
    return Draft(
        args=((flag, "flag"), (x, "int")),
        returns="int",
        meaning=either(Meaning(f"{flag} is true", flag, flag), f.of(x), g.of(x)),
        inputs=tuple([(True, e) for e in (*f.edges, 80, -70)] + [(False, e) for e in (*g.edges, 80, -70)]),
        slots=(f, g),
    )


@family("hard", "fizz", "word_for", "say", "speak", "call_out", "shout")
def fizz(rng: Random) -> Draft:
    """Two divisors and both at once, in words."""
    x = rng.choice(INTS)
    p, q = rng.sample((2, 3, 5, 7, 11, 13), 2)
    both, first, second, other = rng.sample(LABELS, 4)
    conditions = (f"{x} % {p} == 0", f"{x} % {q} == 0")
    rust = (
        f'if {conditions[0]} && {conditions[1]} {{\n    "{both}"\n}} else if {conditions[0]} {{\n    "{first}"\n'
        f'}} else if {conditions[1]} {{\n    "{second}"\n}} else {{\n    "{other}"\n}}'
    )
    python = (
        f'if {conditions[0]} and {conditions[1]}:\n    return "{both}"\nif {conditions[0]}:\n    return "{first}"\n'
        f'if {conditions[1]}:\n    return "{second}"\nreturn "{other}"'
    )
    meaning = Meaning(
        english=(
            f'returns "{both}" if {x} is divisible by {p} and {q}, "{first}" if only by {p}, '
            f'"{second}" if only by {q}, otherwise "{other}"'
        ),
        rust=rust,
        python=python,
    )
    values = ints(rng, (p * q, p, q, -p, -q, p * q + 1, p + 1, q + 1, p - 1, q - 1, p * p, q * q))
    return unary(x, "int", "label", meaning, values, constants=(p, q, both, first, second, other))


@family("hard", "by_case", "triage", "dispatch", "assess", "evaluate_case", "choose_case")
def two_condition_map(rng: Random) -> Draft:
    """Two conditions at once choose between maps."""
    x = rng.choice(INTS)
    p, q, around = two_predicates(rng)
    f, g = two_mappings(rng)
    values = ints(rng, (*around, *f.edges, *g.edges))
    return unary(x, "int", "int", either(both_hold(p, q, x), f.of(x), g.of(x)), values, slots=(p, q, f, g))
