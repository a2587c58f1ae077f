"""Doubles for an evaluation: a generator that answers from a table, a judge that reads the code."""

from collections.abc import Callable, Mapping, Sequence

from rustml.evaluation.suites.protocols import CHAT
from rustml.evaluation.suites.suite import Suite
from rustml.generation.sampling import Prompt, Sampling
from rustml.records import Candidate, Problem, Status, Verdict
from rustml.testing import FakeJudge, make_verdict


class TableGenerator:
    """Answers each prompt with `answer(prompt, sample)`; counts what it was asked."""

    def __init__(self, answer: Callable[[str, int], str], batch_size: int = 2) -> None:
        self.engine = {"name": "table", "batch_size": str(batch_size)}
        self.asked: list[str] = []
        self._answer = answer

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        self.asked += [prompt.text for prompt in prompts]
        return [[self._answer(prompt.text, sample) for sample in range(sampling.samples)] for prompt in prompts]


def reading_judge() -> FakeJudge:
    """A judge that passes code that says so, and is at fault for code that asks for a fault."""
    return FakeJudge(_read)


def _read(candidate: Candidate) -> Verdict:
    statuses: tuple[Status, ...] = ("passed", "wrong", "infrastructure")
    status: Status = next((status for status in statuses if status in candidate.code), "compile_error")
    clean = "clean" in candidate.code
    compiles = status in ("passed", "wrong")
    lints = () if clean else ("needless_return",)
    return make_verdict(candidate.id, status, clippy_clean=clean if compiles else None, lints=lints)


class PlainTokenizer:
    """Renders a conversation as its text."""

    bos_token: str | None = None
    eos_token: str | None = "<end>"
    chat_template = "the text"
    added_tokens_decoder: Mapping[int, object] = {}

    def apply_chat_template(self, conversation: list[dict[str, str]], **_options: object) -> str:
        return conversation[0]["content"]

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        start = [self.convert_tokens_to_ids(self.bos_token)] if add_special_tokens and self.bos_token else []
        return [*start, *(ord(letter) for letter in text)]

    def convert_tokens_to_ids(self, tokens: str) -> int:
        return -len(tokens)


def problem(number: int) -> Problem:
    return Problem(
        id=f"p/{number}",
        bank="made",
        split="test",
        language="rust",
        instruction=f"task {number}",
        entry_point="f",
        reference="fn f() {}",
        tests="#[test] fn t() {}",
        licence="MIT",
    )


def made_suite(items: int, samples: int = 1, name: str = "rust") -> Suite:
    sampling = Sampling(temperature=float(samples > 1), top_p=1.0, samples=samples, max_new_tokens=8, stops=(), seed=1)
    return Suite(
        name=name,
        group="rust",
        metric_prefix="rust.",
        problems=tuple(problem(number) for number in range(items)),
        protocol=CHAT,
        sampling=sampling,
    )
