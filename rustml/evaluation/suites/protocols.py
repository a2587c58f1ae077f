"""How a problem becomes a prompt and an answer becomes code; docs/evaluation.md has each protocol's source.

A protocol's text is part of a measurement: a change of one needs a new revision.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rustml import chat
from rustml.banks.sources.python import ASSERTS
from rustml.chat import Tokenizer
from rustml.evaluation.suites import predictions, rustevo
from rustml.generation.sampling import Prompt
from rustml.records import Problem
from rustml.rust.fences import blocks, extract
from rustml.tasks import task_of

FENCE = "```"
HUMANEVAL_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
MBPP_SHOTS = ("MBPP/2", "MBPP/3", "MBPP/4")
MBPP_END = "[DONE]"


def _nothing(_problem: Problem, _code: str) -> str:
    return ""


def _no_lack(_problem: Problem) -> str:
    return ""


@dataclass(frozen=True)
class AnswerProtocol:
    """The pair of conversions, and where an answer ends."""

    name: str
    revision: int
    prompt: Callable[[Problem, Tokenizer, Sequence[Problem]], Prompt]
    """What the model is asked; the last argument are the solved examples."""
    code: Callable[[Problem, str], str | None]
    """The code to judge; None where the answer holds none (`format`)."""
    stops: tuple[str, ...] = ()
    shots: tuple[str, ...] = ()
    """Ids of the solved examples that every prompt shows."""
    refusal: Callable[[Problem, str], str] = _nothing
    """Why code is not judged: what the protocol asks for beside the tests, and the code lacks. Empty where it is."""
    lacks: Callable[[Problem], str] = _no_lack
    """What a problem lacks that the protocol needs; empty for nothing."""
    then: Callable[[Problem, str, Tokenizer], Prompt] | None = None
    """The question that follows the first answer, whose own answer is judged; None where the first is."""
    asks_again: bool = False
    """Whether an answer that failed can be followed by a second question."""


def _chat_prompt(problem: Problem, tokenizer: Tokenizer, _shots: Sequence[Problem]) -> Prompt:
    return Prompt.question(tokenizer, problem.instruction)


def _chat_code(problem: Problem, completion: str) -> str | None:
    return extract(completion, problem.answer_name, problem.language)


def _from_description(problem: Problem, description: str, tokenizer: Tokenizer) -> Prompt:
    """Asks for the function by its description alone, cut to the characters that it may have."""
    text = description.strip()[: int(problem.tags["characters"])]
    return Prompt.question(
        tokenizer,
        f"Write a Rust function that does this:\n\n{text}\n\n```rust\n{problem.signature}\n```\n\n"
        "Answer with the whole function in one fenced block.",
    )


def _lacks_length(problem: Problem) -> str:
    fit = "characters" in problem.tags
    return "" if fit else f"{problem.id} does not say how long a description may be; protocol explain needs it"


def _exercise_code(_problem: Problem, completion: str) -> str | None:
    """The last complete block: a whole file, with any item in it."""
    return extract(completion, "", "rust")


def _pair_code(problem: Problem, completion: str) -> str | None:
    """What a pair asks for: a function of its name, the last fenced block, or a name in a line of its own."""
    if task_of(problem.tags["task"]).answer_kind == "name":
        return completion.strip().partition("\n")[0].strip("` ") or None
    whole = extract(completion, problem.entry_point) if problem.entry_point else None
    codes = blocks(completion)
    return whole or (codes[-1] if codes else None)


def _humaneval_prompt(problem: Problem, tokenizer: Tokenizer, _shots: Sequence[Problem]) -> Prompt:
    return Prompt.raw(tokenizer, problem.instruction)


def _humaneval_code(problem: Problem, completion: str) -> str:
    return problem.instruction + completion


def _humaneval_chat_prompt(problem: Problem, tokenizer: Tokenizer, _shots: Sequence[Problem]) -> Prompt:
    request = (
        "Write a solution to the following problem and make sure that it passes the tests:\n"
        f"{FENCE}python\n{problem.instruction}\n{FENCE}"
    )
    opening = f"Here is the completed function:\n\n{FENCE}python\n{problem.instruction}"
    return Prompt.question(tokenizer, request, opening)


def _humaneval_chat_code(problem: Problem, completion: str) -> str:
    return problem.instruction + _before_fence(completion)


def _mbpp_prompt(problem: Problem, tokenizer: Tokenizer, shots: Sequence[Problem]) -> Prompt:
    solved = [f"{_mbpp_task(shot)}{shot.reference.rstrip()}\n{MBPP_END}\n\n" for shot in shots]
    return Prompt.raw(tokenizer, "".join(solved) + _mbpp_task(problem))


def _mbpp_task(problem: Problem) -> str:
    return (
        f"You are an expert Python programmer, and here is your task: {problem.instruction} "
        f"Your code should pass these tests:\n\n{_asserts(problem)}\n[BEGIN]\n"
    )


def _mbpp_code(_problem: Problem, completion: str) -> str:
    return completion


def _mbpp_chat_prompt(problem: Problem, tokenizer: Tokenizer, shots: Sequence[Problem]) -> Prompt:
    solved = [f"{_mbpp_question(shot)}\n{chat.fenced(shot.reference, 'python')}\n\n" for shot in shots]
    return Prompt.question(tokenizer, "".join(solved) + _mbpp_question(problem), opening=f"{FENCE}python\n")


def _mbpp_question(problem: Problem) -> str:
    return (
        f"You are an expert Python programmer, and here is your task:\n{problem.instruction}\n"
        f"Your code should pass these tests:\n{_asserts(problem)}"
    )


def _mbpp_chat_code(_problem: Problem, completion: str) -> str:
    return _before_fence(completion)


def _before_fence(completion: str) -> str:
    """What a block that the prompt opened holds; all of it where the answer was cut before it closed."""
    return completion.partition(FENCE)[0]


def _asserts(problem: Problem) -> str:
    """The asserts that MBPP shows; a set-up, which two tasks have, stands before the first and is not shown."""
    shown = problem.tags.get(ASSERTS)
    return problem.tests[problem.tests.find("assert ") :].rstrip("\n") if shown is None else shown


PROTOCOLS: Mapping[str, AnswerProtocol] = {
    protocol.name: protocol
    for protocol in (
        AnswerProtocol("chat", 1, _chat_prompt, _chat_code, asks_again=True),
        AnswerProtocol("explain", 1, _chat_prompt, _chat_code, then=_from_description, lacks=_lacks_length),
        AnswerProtocol("prediction", 1, _chat_prompt, predictions.code),
        AnswerProtocol("exercise", 1, _chat_prompt, _exercise_code, asks_again=True),
        AnswerProtocol("pair", 1, _chat_prompt, _pair_code),
        AnswerProtocol("humaneval", 1, _humaneval_prompt, _humaneval_code, HUMANEVAL_STOPS),
        AnswerProtocol(
            "humaneval_chat", 1, _humaneval_chat_prompt, _humaneval_chat_code, (*HUMANEVAL_STOPS, f"\n{FENCE}")
        ),
        AnswerProtocol(
            "rustevo2", 1, rustevo.prompt, rustevo.code, refusal=rustevo.refusal, lacks=rustevo.lacks, asks_again=True
        ),
        AnswerProtocol("mbpp", 1, _mbpp_prompt, _mbpp_code, (MBPP_END,), MBPP_SHOTS),
        AnswerProtocol("mbpp_chat", 1, _mbpp_chat_prompt, _mbpp_chat_code, (f"\n{FENCE}",), MBPP_SHOTS),
    )
}
CHAT, PAIR = PROTOCOLS["chat"], PROTOCOLS["pair"]
