"""Functions made wrong on purpose: what the compiler says of them, and the function as it was."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from rustml.edits.mutants import mutants, unwrapped, without_lifetimes
from rustml.edits.targets import Target
from rustml.edits.trials import OURS, UNWRAP, Outcome, Trials
from rustml.records import Edit
from rustml.sharding import Funnel

COMPILE_ERROR, LIFETIME, HANDLING = "compile_error_fix", "lifetime_annotation", "error_handling"
STEPS = ("mutant", "refused", "lifetimes", "annotation", "question_mark", "handling")
SHOWN = 3
"""Errors that a question shows at most."""
ROOT = "/crate/"


def compile_errors(
    trials: Trials, targets: Sequence[Target], attempts: int, most: int, funnel: Funnel
) -> Iterator[Edit]:
    """An edit for each function of which the compiler refuses one of the first `attempts` mutants."""
    queues = {target: list(islice(mutants(target), attempts)) for target in targets}
    for target, queue in queues.items():
        funnel.keep("mutant") if queue else funnel.drop("mutant", "none", target.key)
    why: dict[Target, str] = {}
    while any(queues.values()):
        drawn = {target: queue.pop(0) for target, queue in queues.items() if queue}
        outcomes = trials.check({target: text for target, (_, text) in drawn.items()})
        for target, (name, text) in drawn.items():
            notes = errors_of(outcomes[target])
            why[target] = _refusal(outcomes[target], notes, most)
            if not why[target]:
                queues[target].clear()
                codes = _codes(outcomes[target])
                yield target.edit(COMPILE_ERROR, text, target.text, notes, [*codes, name])
    _count(why, "refused", funnel)


def lifetimes(trials: Trials, targets: Sequence[Target], most: int, funnel: Funnel) -> Iterator[Edit]:
    """An edit for each function that the compiler refuses without the lifetimes of its signature."""
    texts = _made(targets, without_lifetimes, "lifetimes", funnel)
    outcomes = trials.check(texts)
    why = {}
    for target, text in texts.items():
        notes = errors_of(outcomes[target])
        why[target] = _refusal(outcomes[target], notes, most)
        if not why[target]:
            yield target.edit(LIFETIME, text, target.text, notes, _codes(outcomes[target]))
    _count(why, "annotation", funnel)


def error_handling(trials: Trials, targets: Sequence[Target], funnel: Funnel) -> Iterator[Edit]:
    """An edit for each function that passes errors on, and compiles with `.unwrap()` in their place."""
    texts = _made(targets, unwrapped, "question_mark", funnel)
    outcomes = trials.check(texts)
    why = {}
    for target, text in texts.items():
        panics = {one.code for one in outcomes[target].messages} & set(UNWRAP)
        own = {one.code for one in trials.lints(target)} & OURS
        why[target] = outcomes[target].fault or ("not_compiled_here" if not panics or own else "")
        if not why[target]:
            yield target.edit(HANDLING, text, target.text, (), sorted(panics))
    _count(why, "handling", funnel)


def errors_of(outcome: Outcome) -> list[str]:
    """The compiler's errors as it shows them, paths relative to the crate."""
    errors = [one for one in outcome.messages if one.is_error]
    return [one.rendered.replace(ROOT, "").strip() for one in errors[:SHOWN]]


def _refusal(outcome: Outcome, notes: Sequence[str], most: int) -> str:
    """Why a wrong function makes no edit: it compiles, or the compiler says too much or nothing about it."""
    if outcome.fault == "unclear":
        return outcome.fault
    if not outcome.fault:
        return "still_compiles"
    return "" if notes and sum(map(len, notes)) <= most else "long_message"


def _codes(outcome: Outcome) -> list[str]:
    return sorted({one.code for one in outcome.messages if one.is_error and one.code})


def _made(targets: Sequence[Target], make: Callable[[Target], str], step: str, funnel: Funnel) -> dict[Target, str]:
    texts = {target: text for target in targets if (text := make(target)) and text != target.text}
    for target in targets:
        funnel.keep(step) if target in texts else funnel.drop(step, "none", target.key)
    return texts


def _count(why: Mapping[Target, str], step: str, funnel: Funnel) -> None:
    for target, reason in why.items():
        funnel.drop(step, reason, target.key) if reason else funnel.keep(step)
