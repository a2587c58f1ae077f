"""A generated task before it becomes a `Problem`: one meaning, two languages, the inputs that test it."""

import hashlib
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Literal

import msgspec

from rustml.banks.families.meaning import Meaning
from rustml.banks.families.slots import Slot
from rustml.banks.families.types import ARGUMENTS, RETURNS, Kind
from rustml.records import Language, Problem

Difficulty = Literal["easy", "medium", "hard"]
Split = Literal["train", "dev", "test"]

LICENCE = "MIT"
TESTS = 2
"""`#[test]` functions per problem. One costs rustc about 2 ms, a row in its table almost nothing."""
HELD_OUT_SHARES = 20
"""Of this many equal shares, one is the dev split and one the test split: 10% is held out."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A family's task for one choice of slots and constants."""

    args: tuple[tuple[str, Kind], ...]
    """Name and kind of each parameter."""
    returns: Kind
    meaning: Meaning
    inputs: tuple[tuple[Any, ...], ...]
    """Argument tuples, boundary cases among them."""
    slots: tuple[Slot, ...] = ()
    constants: tuple[object, ...] = ()
    """Constants and choices that stand outside the slots."""


def unary(
    name: str,
    takes: Kind,
    returns: Kind,
    meaning: Meaning,
    values: Iterable[Any],
    *,
    slots: tuple[Slot, ...] = (),
    constants: tuple[object, ...] = (),
) -> Draft:
    """The draft of a function of one argument that is tested on `values`."""
    inputs = tuple([(value,) for value in values])
    return Draft(
        args=((name, takes),), returns=returns, meaning=meaning, inputs=inputs, slots=slots, constants=constants
    )


def on_ints(
    names: Iterable[str],
    returns: Kind,
    meaning: Meaning,
    inputs: tuple[tuple[int, ...], ...],
    *,
    slots: tuple[Slot, ...] = (),
    constants: tuple[object, ...] = (),
) -> Draft:
    """The draft of a function of several integers, that is tested on `inputs`."""
    args: list[tuple[str, Kind]] = [(name, "int") for name in names]
    return Draft(args=tuple(args), returns=returns, meaning=meaning, inputs=inputs, slots=slots, constants=constants)


class Family(msgspec.Struct, frozen=True):
    """A generator of tasks of one shape."""

    name: str
    difficulty: Difficulty
    names: tuple[str, ...]
    """Function names to choose from."""
    draft: Callable[[Random], Draft]


def family(difficulty: Difficulty, *names: str) -> Callable[[Callable[[Random], Draft]], Family]:
    """Turn a function into a `Family` of the same name."""

    def wrap(draft: Callable[[Random], Draft]) -> Family:
        return Family(draft.__name__, difficulty, names, draft)

    return wrap


def identity(name: str, draft: Draft) -> str:
    """The task's meaning in one line: family, slots and constants, without language and chosen names."""
    slots = "+".join([f"{slot.kind}{slot.constants}" for slot in draft.slots])
    return f"{name}|{slots}|{draft.constants}"


def split_of(task: str) -> Split:
    """The split of a task's identity: 5% dev, 5% test, by a hash that is independent of seed and Python version."""
    share = int.from_bytes(hashlib.blake2b(task.encode(), digest_size=8).digest(), "big") % HELD_OUT_SHARES
    return "dev" if share == 0 else "test" if share == 1 else "train"


def rust_signature(name: str, draft: Draft) -> str:
    """`fn name(x: i64) -> bool`."""
    args = ", ".join([f"{arg}: {ARGUMENTS[kind].rust}" for arg, kind in draft.args])
    return f"fn {name}({args}) -> {RETURNS[draft.returns].rust}"


def python_signature(name: str, draft: Draft) -> str:
    """`def name(x: int) -> bool:`."""
    args = ", ".join([f"{arg}: {ARGUMENTS[kind].python}" for arg, kind in draft.args])
    return f"def {name}({args}) -> {RETURNS[draft.returns].python}:"


def problem(kind: Family, name: str, draft: Draft, split: Split, language: Language) -> Problem:
    """Build the `Problem`: run the Python twin on the inputs and write tests that expect its results."""
    twin = f"{python_signature(name, draft)}\n    {_indent(draft.meaning.python)}\n"
    expected = _run(twin, name, draft)
    if language == "python":
        signature, reference = python_signature(name, draft), twin
        tests = _python_tests(name, draft, expected)
    else:
        signature = rust_signature(name, draft)
        reference = f"{signature} {{\n    {_indent(draft.meaning.rust)}\n}}\n"
        tests = _rust_tests(name, draft, expected)
    instruction = f"Write a {language.capitalize()} function that {draft.meaning.english}.\n{signature}"
    digest = hashlib.blake2b(f"{instruction}\0{reference}".encode(), digest_size=6).hexdigest()
    return Problem(
        id=f"tiny/{language}/{split}/{kind.name}-{digest}",
        bank="tiny",
        split=split,
        language=language,
        instruction=instruction,
        entry_point=name,
        reference=reference,
        tests=tests,
        licence=LICENCE,
        trainable=split == "train",
        signature=signature,
        tags={"family": kind.name, "slots": _slots_tag(draft), "difficulty": kind.difficulty},
    )


def _slots_tag(draft: Draft) -> str:
    return "+".join([slot.kind for slot in draft.slots])


def _indent(body: str) -> str:
    return body.replace("\n", "\n    ")


def _run(twin: str, name: str, draft: Draft) -> list[Any]:
    """The twin's results. The code belongs to this package, not to a model, so no sandbox is needed."""
    namespace: dict[str, Any] = {}
    exec(twin, namespace)  # noqa: S102
    function = namespace[name]
    return [function(*arguments) for arguments in draft.inputs]


def _python_tests(name: str, draft: Draft, expected: list[Any]) -> str:
    lines = []
    for arguments, result in zip(draft.inputs, expected, strict=True):
        call = f"{name}({', '.join(map(repr, arguments))})"
        lines.append(f"assert {call} is {result}\n" if result is None else f"assert {call} == {result!r}\n")
    return "".join(lines)


def _rust_tests(name: str, draft: Draft, expected: list[Any]) -> str:
    """Table-driven tests, every `TESTS`th case in one table."""
    forms = [ARGUMENTS[kind] for _, kind in draft.args]
    result = RETURNS[draft.returns]
    types = ", ".join([*[form.case for form in forms], result.case])
    names = ", ".join([arg for arg, _ in draft.args])
    rows = [
        f"({', '.join([form.literal(value) for form, value in zip(forms, row, strict=True)])}, {result.literal(want)})"
        for row, want in zip(draft.inputs, expected, strict=True)
    ]
    tests = [rows[start::TESTS] for start in range(TESTS)]
    call = f"assert_eq!({name}({names}), {'want' if draft.returns != 'outcome' else 'want.map_err(str::to_string)'});"
    return "".join(
        [
            f"#[test]\nfn case_{i}() {{\n    let cases: &[({types})] = &[{', '.join(table)}];\n"
            f"    for &({names}, want) in cases {{\n        {call}\n    }}\n}}\n"
            for i, table in enumerate(tests, start=1)
        ]
    )
