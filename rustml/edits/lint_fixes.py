"""What clippy and the compiler suggest, applied: the function compiles afterwards, and no lint is left in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rustml.edits.targets import Target
from rustml.edits.trials import OURS, Trials
from rustml.judge.rust.diagnostics import Message, Replacement
from rustml.judge.rust.lints import FRAGMENT
from rustml.records import Edit
from rustml.sharding import Funnel

TASK = "clippy_fix"
STEPS = ("lints", "suggestion", "applied")


def lint_fixes(trials: Trials, targets: Sequence[Target], rounds: int, funnel: Funnel) -> Iterator[Edit]:
    """An edit for each function whose lints all go when what is suggested is done, at most `rounds` times.

    `lints`, `suggestion` and `applied` of the funnel count functions with a lint, with one that says how to mend it,
    and those that come out clean.
    """
    first = {target: trials.lints(target) for target in targets}
    texts = dict(_mended({target: (target.text, lints) for target, lints in first.items()}, funnel))
    for number in range(rounds):
        outcomes = trials.check(texts)
        again: dict[Target, tuple[str, Sequence[Message]]] = {}
        for target, text in texts.items():
            outcome = outcomes[target]
            if outcome.fault:
                funnel.drop("applied", outcome.fault, target.key)
            elif remaining := lints_of(outcome.messages):
                again[target] = text, remaining
            else:
                funnel.keep("applied")
                yield _edit(target, text, first[target])
        texts = {target: better for target, (text, left) in again.items() if (better := mended(text, left)) != text}
        last = number == rounds - 1
        for target, (_, left) in again.items():
            if last or target not in texts:
                funnel.drop("applied", "lint_remains", f"{target.key}: {', '.join(sorted({one.code for one in left}))}")


def lints_of(messages: Iterable[Message]) -> list[Message]:
    """The lints among messages, without those that say nothing about the quality of a function."""
    return [one for one in messages if one.code and one.code not in FRAGMENT | OURS and not one.is_error]


def mended(text: str, lints: Iterable[Message]) -> str:
    """The function with every suggestion that lies within it and overlaps none before it."""
    source = text.encode()
    taken: list[Replacement] = []
    for lint in lints:
        inside = all(one.file == lint.file and 0 <= one.start <= one.end <= len(source) for one in lint.fix)
        if inside and not any(_overlap(one, other) for one in lint.fix for other in taken):
            taken += lint.fix
    for one in sorted(taken, key=lambda one: (one.start, one.end), reverse=True):
        source = source[: one.start] + one.text.encode() + source[one.end :]
    return source.decode("utf-8", "replace")


def _overlap(one: Replacement, other: Replacement) -> bool:
    return one.start <= other.end and other.start <= one.end


def _mended(functions: Mapping[Target, tuple[str, Sequence[Message]]], funnel: Funnel) -> Iterator[tuple[Target, str]]:
    for target, (text, messages) in functions.items():
        lints = lints_of(messages)
        if not lints:
            funnel.drop("lints", "clean", target.key)
            continue
        funnel.keep("lints")
        better = mended(text, lints)
        if better == text:
            funnel.drop("suggestion", "none", f"{target.key}: {', '.join(sorted({one.code for one in lints}))}")
            continue
        funnel.keep("suggestion")
        yield target, better


def _edit(target: Target, text: str, messages: Sequence[Message]) -> Edit:
    lints = lints_of(messages)
    notes = dict.fromkeys(note(lint, target.text) for lint in lints)
    return target.edit(TASK, target.text, text, list(notes), sorted({lint.code for lint in lints}))


def note(lint: Message, text: str) -> str:
    """What a lint says, without what it suggests: its name, its message, and the code that it points to."""
    code = " ".join(text.encode()[max(lint.start, 0) : lint.end].decode("utf-8", "replace").split())
    shown = code if len(code) <= 80 else f"{code[:77]}..."
    return f"`{lint.code}`: {lint.text}, at `{shown}`"
