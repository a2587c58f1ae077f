"""How strong the tiny families' tests are: the share of wrong solutions (mutants of the references) that they kill.

    python -m benchmarks.banks --per-family 3

Each reference is changed in one place at a time: a number by one either way, an operator, a comparison's boundary or
its sense, a method for its opposite, a text; or its whole body is replaced by a constant or an argument. A mutant that
does not compile counts for nothing; one that passes every test survives. Some mutants mean the same as the reference
and cannot be killed, so 100% is out of reach.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import click

from rustml.banks.families import FAMILIES, draw
from rustml.judge import Judge, Limits
from rustml.records import Language, Problem, candidate_of

_OPERATORS = {
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "/": ("*",),
    "//": ("*",),
    "%": ("*",),
    "+=": ("-=",),
    "-=": ("+=",),
    "*=": ("+=",),
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "and": ("or",),
    "or": ("and",),
}
_OPPOSITES = {
    "min": "max",
    "any": "all",
    "take": "skip",
    "take_while": "skip_while",
    "starts_with": "ends_with",
    "startswith": "endswith",
    "to_uppercase": "to_lowercase",
    "upper": "lower",
    "rem_euclid": "div_euclid",
}
_WORDS = {"contains": "starts_with", "sum": "max", **_OPPOSITES, **{b: a for a, b in _OPPOSITES.items()}}
_DROPPED = (".rev()", "not ", "!", ".abs()")
_CONSTANTS: dict[Language, dict[str, tuple[str, ...]]] = {
    "rust": {
        "i64": ("0", "1", "-1"),
        "usize": ("0", "1"),
        "bool": ("true", "false"),
        "String": ("String::new()",),
        "&'static str": ('""',),
        "Vec<i64>": ("Vec::new()",),
        "Vec<String>": ("Vec::new()",),
        "Option<i64>": ("None", "Some(0)"),
        "Option<usize>": ("None", "Some(0)"),
        "Result<i64, String>": ("Ok(0)", "Err(String::new())"),
        "(i64, i64)": ("(0, 0)",),
    },
    "python": {
        "int": ("0", "1", "-1"),
        "bool": ("True", "False"),
        "str": ('""',),
        "list[int]": ("[]",),
        "list[str]": ("[]",),
        "int | None": ("None", "0"),
        "int | str": ("0", '""'),
        "tuple[int, int]": ("(0, 0)",),
    },
}


def mutants(problem: Problem) -> list[str]:
    """Every mutant of the problem's reference, each text once, without the reference itself."""
    head, body = problem.reference.split("\n", 1)
    changed = [f"{head}\n{text}" for text in _changed_bodies(body)]
    codes = dict.fromkeys([*changed, *_replaced_bodies(problem, head)])
    codes.pop(problem.reference, None)
    return list(codes)


def _changed_bodies(body: str) -> Iterator[str]:
    for match in re.finditer(r"(?<![\w.])\d+(?!\w)", body):
        number = int(match.group())
        yield from [_put(body, match.span(), str(other)) for other in (number + 1, number - 1)]
    for match in re.finditer(r"(?<= )(\S{1,3})(?= )", body):
        yield from [_put(body, match.span(), other) for other in _OPERATORS.get(match.group(), ())]
    for match in re.finditer(r"\b[a-z_]+(?=\()", body):
        if match.group() in _WORDS:
            yield _put(body, match.span(), _WORDS[match.group()])
    for match in re.finditer(r"\"([^\"{}]*)\"|'(.)'", body):
        yield _put(body, match.span(), f'"{match.group(1)}z"' if match.group(1) is not None else "'~'")
    for text in _DROPPED:
        for match in re.finditer(re.escape(text), body):
            yield _put(body, match.span(), "")


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def _replaced_bodies(problem: Problem, head: str) -> Iterator[str]:
    """A constant of the returned type, or an argument, in place of the whole body."""
    result = problem.signature.split(" -> ", 1)[1].rstrip(":")
    arguments = re.findall(r"[(,] ?(\w+):", problem.signature)
    for value in (*_CONSTANTS[problem.language][result], *arguments):
        if problem.language == "rust":
            yield f"{head}\n    {value}\n}}\n"
            yield (
                f"{head}\n    {value}.to_vec()\n}}\n"
                if result == "Vec<i64>" and value in arguments
                else problem.reference
            )
            yield (
                f"{head}\n    {value}.to_string()\n}}\n"
                if result == "String" and value in arguments
                else problem.reference
            )
        else:
            yield f"{head}\n    return {value}\n"


class Tally:
    """Mutants of one family in one language."""

    def __init__(self) -> None:
        self.killed, self.survivors = 0, list[str]()

    @property
    def total(self) -> int:
        """Mutants that compile."""
        return self.killed + len(self.survivors)

    def __str__(self) -> str:
        return f"{self.total:6d}  {self.killed / self.total:7.1%}" if self.total else f"{0:6d}  {'-':>7}"


def measure(problems: Sequence[Problem], judge: Judge) -> dict[str, Tally]:
    """Judge all mutants of the problems; tallies by family."""
    candidates, families = [], []
    for problem in problems:
        for number, code in enumerate(mutants(problem)):
            families.append(problem.tags["family"])
            candidates.append(candidate_of(problem, code, f"{problem.id}~{number}"))
    tallies: dict[str, Tally] = defaultdict(Tally)
    for family, candidate, verdict in zip(families, candidates, judge.judge(candidates), strict=True):
        if verdict.status == "infrastructure":
            raise click.ClickException(f"the judge failed on {candidate.id}: {verdict.detail}")
        if verdict.status == "passed":
            tallies[family].survivors.append(candidate.code)
        elif verdict.status != "compile_error":
            tallies[family].killed += 1
    return tallies


@click.command()
@click.option("--per-family", type=click.IntRange(1), default=2, show_default=True, help="Problems drawn per family.")
@click.option("--families", default="", help="Comma-separated families; all if empty.")
@click.option("--seed", type=int, default=17, show_default=True, help="Of the draw.")
@click.option("--show/--no-show", default=False, help="Print the surviving mutants.")
def main(per_family: int, families: str, seed: int, show: bool) -> None:
    """Print one table: mutants that compile and the share killed, by family and language."""
    names = [name for name in families.split(",") if name] or list(FAMILIES)
    found: dict[str, dict[str, Tally]] = {}
    languages: tuple[Language, ...] = ("rust", "python")
    with Judge(Limits(cpu_seconds=1.0, run_seconds=5.0), lints=False) as judge:
        for language in languages:
            started = time.monotonic()
            found[language] = measure(draw(language, "train", per_family * len(names), seed, names), judge)
            click.echo(f"{language}: {time.monotonic() - started:.0f} s", err=True)
    click.echo(f"{'family':18}  {'difficulty':10}  {'rust':>6}  {'killed':>7}  {'python':>6}  {'killed':>7}")
    for name in names:
        cells = "  ".join([str(found[language][name]) for language in languages])
        click.echo(f"{name:18}  {FAMILIES[name].difficulty:10}  {cells}")
    for language in languages:
        killed = sum([tally.killed for tally in found[language].values()])
        total = sum([tally.total for tally in found[language].values()])
        click.echo(f"all, {language}: {killed} of {total} killed, {killed / total:.2%}")
    if show:
        for language in languages:
            for name in names:
                for code in found[language][name].survivors:
                    click.echo(f"--- {name}\n{code}")


if __name__ == "__main__":
    main()
