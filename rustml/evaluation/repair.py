"""The second attempt at what did not pass: the same conversation, one question on.

It sees what compiler and tests say (`Verdict.output`), as a user of an agent would. What it sees is cut as
rustml/judge/rust/failures.py says; a conversation that leaves no room for an answer is not asked, and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from rustml.evaluation.context import EvalContext
from rustml.evaluation.judged import judged
from rustml.evaluation.results.journal import Attempt, Item
from rustml.evaluation.suites.suite import Suite
from rustml.generation.sampling import Prompt, PromptTooLong, Sampling
from rustml.judge.repair_question import question
from rustml.judge.verdicts import unjudged_verdict
from rustml.records import Problem, Verdict

NO_ROOM = "the conversation leaves no room for a second answer"


@dataclass(frozen=True)
class First:
    """A first attempt."""

    problem: Problem
    sample: int
    prompt: Prompt
    completion: str
    verdict: Verdict


def second_attempts(firsts: Sequence[First], suite: Suite, context: EvalContext) -> list[Attempt | None]:
    """One attempt for each first one that did not pass, in order; None for those that passed or met a fault."""
    failed = [first for first in firsts if _failed(first)]
    prompts = [_prompt(first, context) for first in failed]
    texts = _generated(prompts, suite.sampling, context)
    pairs = list(zip(failed, texts, strict=True))
    codes = [None if text is None else suite.protocol.code(first.problem, text) for first, text in pairs]
    drafts = [(first.problem, first.sample, code) for first, code in zip(failed, codes, strict=True)]
    verdicts = judged(drafts, suite, context, lambda _: None)
    attempts = iter(map(_attempt, prompts, texts, codes, verdicts))
    return [next(attempts) if _failed(first) else None for first in firsts]


def _failed(first: First) -> bool:
    return first.verdict.status not in ("passed", "infrastructure")


def _prompt(first: First, context: EvalContext) -> Prompt:
    earlier = ((first.prompt.instruction, first.completion),)
    return Prompt.follow_up(context.tokenizer, earlier, question(first.verdict))


def _attempt(prompt: Prompt, text: str | None, code: str | None, verdict: Verdict) -> Attempt:
    asked = text is not None
    verdict = verdict if asked else unjudged_verdict(verdict.id, "format", NO_ROOM, "none")
    return Attempt(prompt=prompt.text, completion=text or "", code=code, verdict=verdict, asked=asked)


def _generated(prompts: Sequence[Prompt], sampling: Sampling, context: EvalContext) -> list[str | None]:
    """One answer per prompt; None for those that leave no room for one."""
    texts: list[str | None] = [None] * len(prompts)
    open_ = list(range(len(prompts)))
    while open_:
        try:
            answers = context.generator.generate([prompts[at] for at in open_], replace(sampling, samples=1))
        except PromptTooLong as refusal:
            del open_[refusal.number]
            continue
        for at, (text,) in zip(open_, answers, strict=True):
            texts[at] = text
        break
    return texts


def outcome(first: Verdict, second: Attempt | None) -> bool | None:
    """Whether either attempt passed; None where the judge was at fault."""
    if "infrastructure" in (first.status, second.verdict.status if second else ""):
        return None
    return first.status == "passed" or (second is not None and second.verdict.status == "passed")


def faulty(item: Item) -> Verdict | None:
    """The verdict on a second attempt at which the judge was at fault: it makes a fault of the whole answer."""
    second = item.repair
    return second.verdict if second is not None and second.verdict.status == "infrastructure" else None
