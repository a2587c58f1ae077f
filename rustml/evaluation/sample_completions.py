"""Behavioural prompts: openings of Rust code for a model to go on with, logged to be read by people, never scored."""

from collections.abc import Sequence

from rustml.chat import Tokenizer
from rustml.generation.sampling import Generator, Prompt, Sampling
from rustml.profile.evaluation import BehaviourSection

OPENINGS = (
    "fn process",
    "impl",
    "pub struct",
    "async fn",
    "#[derive(",
    "match",
    "Result<",
    "fn new() -> Self",
    "where T:",
    "Box<dyn",
    "use std::",
    "mod tests {",
)
"""What Rust code often begins with."""
TABLE = "behaviour.json"


def prompts(section: BehaviourSection) -> Sequence[str]:
    """The prompts that a profile asks for: the openings where they are switched on, then its own; each once."""
    return tuple(dict.fromkeys([*(OPENINGS if section.openings else ()), *section.prompts]))


def completions(
    section: BehaviourSection, generator: Generator, tokenizer: Tokenizer, seed: int
) -> list[dict[str, str]]:
    """A row a prompt, `prompt` and `completion`: raw text continued, no chat template. Empty when switched off.

    Raises InputError for a prompt that leaves no room for its completion.
    """
    openings = prompts(section)
    if not openings:
        return []
    how = Sampling(
        temperature=section.temperature,
        top_p=section.top_p,
        samples=1,
        max_new_tokens=section.max_new_tokens,
        stops=(),
        seed=seed,
    )
    answers = generator.generate([Prompt.raw(tokenizer, prompt) for prompt in openings], how)
    return [{"prompt": prompt, "completion": text} for prompt, (text,) in zip(openings, answers, strict=True)]
