"""Families that split, join and build text. All inputs are ASCII, as in `strings`."""

from random import Random

from rustml.banks.families.draft import Draft, family, unary
from rustml.banks.families.inputs import ints, lists
from rustml.banks.families.meaning import Meaning, either
from rustml.banks.families.rustfmt import chain
from rustml.banks.families.slots import INTS, LISTS, mapping, predicate
from rustml.banks.families.texts import AFFIXES, NAMES, SEPARATORS, texts


@family("hard", "label_number", "tag_number", "caption", "title_of", "print_value", "show")
def label_number(rng: Random) -> Draft:
    """A number in a text that a predicate chooses."""
    x, p = rng.choice(INTS), predicate(rng)
    w, v = rng.sample(AFFIXES, 2)
    before = Meaning(f'"{w}" and then {x}', f'format!("{w}{{{x}}}")', f'f"{w}{{{x}}}"')
    after = Meaning(f'{x} and then "{v}"', f'format!("{{{x}}}{v}")', f'f"{{{x}}}{v}"')
    meaning = either(p.holds(x), before, after)
    return unary(x, "int", "text", meaning, ints(rng, p.edges), slots=(p,), constants=(w, v))


@family("hard", "join_all", "to_text", "print_list", "show_list", "render", "write_list")
def join_mapped(rng: Random) -> Draft:
    """A map of each, as text, joined."""
    xs, m, sep = rng.choice(LISTS), mapping(rng), rng.choice(SEPARATORS)
    parts = chain(xs, "iter()", f"map(|&x| {m.rs('x')})", "map(|y| y.to_string())", "collect()", bound=True)
    meaning = Meaning(
        english=f'joins {m.say("x")} for each x of {xs} into a text, with "{sep}" between',
        rust=f'let parts: Vec<String> = {parts};\nparts.join("{sep}")',
        python=f'return "{sep}".join(str({m.py("x")}) for x in {xs})',
    )
    return unary(xs, "ints", "text", meaning, lists(rng, m.edges), slots=(m,), constants=(sep,))


@family("hard", "long_words", "count_words", "word_count", "count_fields", "count_parts", "long_fields")
def count_words(rng: Random) -> Draft:
    """Parts between separators, counted by length."""
    s, sep, k = rng.choice(NAMES), rng.choice(SEPARATORS), rng.randint(2, 12)
    op, phrase = rng.choice(((">", "longer than"), ("<", "shorter than")))
    a, b, c = "x" * k, "y" * (k + 1), "z" * (k - 1)
    meaning = Meaning(
        english=f'splits {s} at "{sep}" and counts the parts {phrase} {k} characters',
        rust=chain(s, f"split('{sep}')", f"filter(|part| part.len() {op} {k})", "count()"),
        python=f'return len([part for part in {s}.split("{sep}") if len(part) {op} {k}])',
    )
    values = texts(rng, a, b, c, sep.join((a, b, c)), sep.join((b, b, "", c)), sep, f"{c} {c} {c}")
    return unary(s, "text", "count", meaning, values, constants=(sep, op, k))


@family("hard", "map_words", "change_words", "rewrite", "restyle", "convert_fields", "reformat")
def map_words(rng: Random) -> Draft:
    """Each part between separators changed, then joined."""
    s, w = rng.choice(NAMES), rng.choice(AFFIXES)
    sep, glue = rng.sample(SEPARATORS, 2)
    rust, phrase = rng.choice(((f"{w}{{part}}", "before"), (f"{{part}}{w}", "after")))
    parts = chain(s, f"split('{sep}')", f'map(|part| format!("{rust}"))', "collect()", bound=True)
    meaning = Meaning(
        english=f'splits {s} at "{sep}", puts "{w}" {phrase} each part, and joins them with "{glue}"',
        rust=f'let parts: Vec<String> = {parts};\nparts.join("{glue}")',
        python=f'return "{glue}".join(f"{rust}" for part in {s}.split("{sep}"))',
    )
    values = texts(rng, f"ab{sep}c", f"{sep}x", f"a{glue}b{sep}{sep}c", sep.join("wxyz"))
    return unary(s, "text", "text", meaning, values, constants=(sep, glue, phrase, w))


@family("medium", "longest", "word_size", "widest", "max_width", "longest_word", "column_width")
def word_length(rng: Random) -> Draft:
    """The longest or shortest length, with a default."""
    words, k = rng.choice(("words", "names", "lines", "parts")), rng.randint(0, 99)
    name, phrase = rng.choice((("max", "longest"), ("min", "shortest")))
    meaning = Meaning(
        english=f"returns the length of the {phrase} text of {words}, or {k} if there is none",
        rust=chain(words, "iter()", "map(|w| w.len())", f"{name}()", f"unwrap_or({k})"),
        python=f"return {name}([len(w) for w in {words}], default={k})",
    )
    values: tuple[list[str], ...] = ([], ["abc"], ["a", "bcd", "ef"], ["", "xy"], ["wxyz", "a", "bb"], [""])
    return unary(words, "texts", "count", meaning, values, constants=(name, k))


@family("medium", "select_words", "pick_words", "keep_words", "filter_words", "words_with", "choose_names")
def filter_words(rng: Random) -> Draft:
    """Texts that start or end with a text."""
    words, w = rng.choice(("words", "names", "lines", "parts")), rng.choice(AFFIXES)
    rust, python, phrase = rng.choice(
        (("starts_with", "startswith", "start with"), ("ends_with", "endswith", "end with"))
    )
    meaning = Meaning(
        english=f'returns the texts of {words} that {phrase} "{w}"',
        rust=chain(words, "iter()", f'filter(|s| s.{rust}("{w}"))', "map(|s| s.to_string())", "collect()"),
        python=f'return [s for s in {words} if s.{python}("{w}")]',
    )
    values: tuple[list[str], ...] = (
        [],
        [w],
        [f"{w}q", f"q{w}", "qq"],
        ["", "x"],
        [f"q{w}q", w, f"{w}q", w[:-1], w[1:]],
    )
    return unary(words, "texts", "texts", meaning, values, constants=(phrase, w))


@family("hard", "count_down", "number_line", "write_range", "list_numbers", "ladder", "spell_range")
def join_range(rng: Random) -> Draft:
    """The numbers of a range written one after the other."""
    n, start, sep = rng.choice(INTS[1:]), rng.randint(0, 9), rng.choice(SEPARATORS)
    p = predicate(rng, start + 1, start + 20)
    meaning = Meaning(
        english=f'writes the numbers from {start} to {n} that are {p.english}, each with "{sep}" after it',
        rust=(
            f"let mut out = String::new();\nfor x in {start}..={n} {{\n    if {p.rs('x')} {{\n"
            f'        out += &format!("{{x}}{sep}");\n    }}\n}}\nout'
        ),
        python=f'return "".join(f"{{x}}{sep}" for x in range({start}, {n} + 1) if {p.py("x")})',
    )
    values = (*[start + step for step in (-1, 0, 1, 4, 13)], *p.edges[:3], 55)
    return unary(n, "int", "text", meaning, values, slots=(p,), constants=(start, sep))
