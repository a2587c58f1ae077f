"""Families on text. All inputs are ASCII, where bytes and characters agree and case maps one to one."""

from random import Random

from rustml.banks.families.draft import Draft, family, unary
from rustml.banks.families.meaning import Meaning
from rustml.banks.families.texts import AFFIXES, LETTERS, NAMES, texts


@family("easy", "decorate", "add_tag", "extend_name", "with_mark", "rename", "mark")
def affix(rng: Random) -> Draft:
    """A text before, after or around."""
    s, w, v = rng.choice(NAMES), rng.choice(AFFIXES), rng.choice(AFFIXES)
    kind = rng.choice(("before", "after", "around"))
    rust, phrase = {
        "before": (f"{w}{{{s}}}", f'"{w}" and then {s}'),
        "after": (f"{{{s}}}{w}", f'{s} and then "{w}"'),
        "around": (f"{w}{{{s}}}{v}", f'"{w}", then {s}, then "{v}"'),
    }[kind]
    meaning = Meaning(english=f"returns {phrase}", rust=f'format!("{rust}")', python=f'return f"{rust}"')
    return unary(s, "text", "text", meaning, texts(rng, w), constants=(kind, w, v if kind == "around" else ""))


@family("easy", "has_part", "fits", "text_match", "is_tagged", "looks_like", "check_text")
def has_affix(rng: Random) -> Draft:
    """Starts with, ends with or contains; or not."""
    s, w = rng.choice(NAMES), rng.choice(AFFIXES)
    rust, python, phrase, denied = rng.choice(
        (
            ("{s}.starts_with({w})", "{s}.startswith({w})", "starts with", "start with"),
            ("{s}.ends_with({w})", "{s}.endswith({w})", "ends with", "end with"),
            ("{s}.contains({w})", "{w} in {s}", "contains", "contain"),
        )
    )
    negated = rng.random() < 0.4
    code, twin = rust.format(s=s, w=f'"{w}"'), python.format(s=s, w=f'"{w}"')
    meaning = Meaning(
        english=f'tells whether {s} {f"does not {denied}" if negated else phrase} "{w}"',
        rust=f"!{code}" if negated else code,
        python=f"return not ({twin})" if negated else f"return {twin}",
    )
    values = texts(rng, w, f"{w}zz", f"zz{w}", f"z{w}z", w[:-1], w[1:])
    return unary(s, "text", "flag", meaning, values, constants=(phrase, negated, w))


@family("easy", "length_ok", "long_enough", "is_short", "size_check", "check_length", "fits_in")
def length_is(rng: Random) -> Draft:
    """The length compared with a constant."""
    s, k = rng.choice(NAMES), rng.randint(2, 40)
    op, phrase = rng.choice(
        ((">", "more than"), ("<", "fewer than"), (">=", "at least"), ("<=", "at most"), ("==", "exactly"))
    )
    meaning = Meaning(
        english=f"tells whether {s} has {phrase} {k} characters",
        rust=f"{s}.len() {op} {k}",
        python=f"return len({s}) {op} {k}",
    )
    return unary(s, "text", "flag", meaning, ["x" * size for size in (k, k - 1, k + 1, 0, 1, 2 * k)], constants=(op, k))


@family("medium", "count_letter", "letter_count", "letters", "char_hits", "count_char", "frequency")
def count_char(rng: Random) -> Draft:
    """The count of a character, shifted."""
    s, c, k = rng.choice(NAMES), rng.choice(LETTERS), rng.randint(1, 40)
    other = "z" if c != "z" else "y"
    meaning = Meaning(
        english=f"returns how often '{c}' occurs in {s}, plus {k}",
        rust=f"{s}.matches('{c}').count() + {k}",
        python=f'return {s}.count("{c}") + {k}',
    )
    values = texts(rng, c, c * 3, f"{c}{other}{c}", f"{other}{c.upper()}{other}")
    return unary(s, "text", "count", meaning, values, constants=(c, k))


@family("medium", "swap_letter", "replace_letter", "change_letter", "mask", "censor", "respell")
def replace_char(rng: Random) -> Draft:
    """One character replaced by a text."""
    s, c = rng.choice(NAMES), rng.choice(LETTERS)
    w = rng.choice(("", "-", "*", ".", "_", "#", *LETTERS.replace(c, "")))
    what = f'replaced by "{w}"' if w else "removed"
    meaning = Meaning(
        english=f"returns {s} with each '{c}' {what}",
        rust=f"{s}.replace('{c}', \"{w}\")",
        python=f'return {s}.replace("{c}", "{w}")',
    )
    return unary(s, "text", "text", meaning, texts(rng, c, c * 3, f"x{c}y{c}", f"{c.upper()}{w}"), constants=(c, w))


@family("medium", "style", "shout_name", "case_tag", "format_name", "loud", "emphasise")
def case_affix(rng: Random) -> Draft:
    """Upper or lower case, with a text after or before."""
    s, w = rng.choice(NAMES), rng.choice(AFFIXES)
    name, twin = rng.choice((("uppercase", "upper"), ("lowercase", "lower")))
    before = rng.random() < 0.5
    rust = f'format!("{w}{{}}", {s}.to_{name}())' if before else f'{s}.to_{name}() + "{w}"'
    phrase = f'"{w}" and then {s} in {name}' if before else f'{s} in {name} and then "{w}"'
    meaning = Meaning(
        english=f"returns {phrase}",
        rust=rust,
        python=f'return "{w}" + {s}.{twin}()' if before else f'return {s}.{twin}() + "{w}"',
    )
    return unary(s, "text", "text", meaning, texts(rng, "MiXed", w), constants=(name, before, w))


@family("medium", "backwards", "flip", "mirror", "reverse_text", "turn_round", "invert")
def reverse_affix(rng: Random) -> Draft:
    """Reversed, with a text before or after."""
    s, w = rng.choice(NAMES), rng.choice(AFFIXES)
    before = rng.random() < 0.5
    build = f'format!("{w}{{reversed}}")' if before else f'format!("{{reversed}}{w}")'
    phrase = f'"{w}" and then {s} reversed' if before else f'{s} reversed and then "{w}"'
    meaning = Meaning(
        english=f"returns {phrase}",
        rust=f"let reversed: String = {s}.chars().rev().collect();\n{build}",
        python=f'return "{w}" + {s}[::-1]' if before else f'return {s}[::-1] + "{w}"',
    )
    return unary(s, "text", "text", meaning, texts(rng, "abc", w), constants=(before, w))


@family("medium", "shorten", "cut", "abbreviate", "truncate", "clip", "trim_to")
def part_affix(rng: Random) -> Draft:
    """The first characters or the rest, with a text after."""
    s, w, k = rng.choice(NAMES), rng.choice(AFFIXES), rng.randint(1, 9)
    name, part = rng.choice((("take", f"[:{k}]"), ("skip", f"[{k}:]")))
    phrase = f"the first {k} characters" if name == "take" else f"all but the first {k} characters"
    meaning = Meaning(
        english=f'returns {phrase} of {s} and then "{w}"',
        rust=f'let part: String = {s}.chars().{name}({k}).collect();\npart + "{w}"',
        python=f'return {s}{part} + "{w}"',
    )
    values = texts(rng, LETTERS[:k], LETTERS[: k + 1], LETTERS[: k - 1], LETTERS)
    return unary(s, "text", "text", meaning, values, constants=(name, k, w))


@family("medium", "strip_letters", "keep_letters", "filter_text", "clean", "purge", "select_letters")
def keep_chars(rng: Random) -> Draft:
    """Characters of a set kept, or dropped."""
    s, letters = rng.choice(NAMES), "".join(sorted(rng.sample(LETTERS, 3)))
    keep = rng.random() < 0.5
    rest = [letter for letter in LETTERS if letter not in letters][:2]
    test = f'"{letters}".contains(c)'
    meaning = Meaning(
        english=f'returns {s} {"with only" if keep else "without"} the characters of "{letters}"',
        rust=f"{s}.chars().filter(|&c| {test if keep else '!' + test}).collect()",
        python=f'return "".join(c for c in {s} if c {"in" if keep else "not in"} "{letters}")',
    )
    values = texts(rng, *letters, f"{rest[0]}{letters}{rest[1]}{letters[0]}", letters.upper() + letters[2], LETTERS)
    return unary(s, "text", "text", meaning, values, constants=(keep, letters))


@family("easy", "is_letter", "char_in", "known_char", "accept_char", "valid_char", "is_mark")
def char_in(rng: Random) -> Draft:
    """A character of a set, or of a range."""
    c = rng.choice(("c", "ch", "letter", "key"))
    low, high = sorted(rng.sample(LETTERS[1:-1], 2))
    ranged = rng.random() < 0.5
    extra = rng.choice("-_.!?0123456789")
    pattern = f"'{low}'..='{high}' | '{extra}'" if ranged else f"'{low}' | '{high}' | '{extra}'"
    phrase = f"between '{low}' and '{high}', or '{extra}'" if ranged else f"'{low}', '{high}' or '{extra}'"
    python = f'"{low}" <= {c} <= "{high}" or {c} == "{extra}"' if ranged else f'{c} in "{low}{high}{extra}"'
    near = [chr(ord(edge) + step) for edge in (low, high) for step in (0, -1, 1)]
    meaning = Meaning(
        english=f"tells whether {c} is {phrase}",
        rust=f"matches!({c}, {pattern})",
        python=f"return {python}",
    )
    values = dict.fromkeys((*near, extra, low.upper(), "a", "z", "5", "@"))
    return unary(c, "char", "flag", meaning, values, constants=(ranged, low, high, extra))
