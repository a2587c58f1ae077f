"""Doubles for tests of code that uses rustml: no compiler, no sandbox, no model.

judge = FakeJudge(lambda candidate: "passed" if "add" in candidate.code else "wrong")
verdicts = judge.judge(candidates)
assert judge.judged == candidates

generator = FakeGenerator(lambda text, sample: "fn add() {}")
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

from rustml.generation.sampling import Prompt, Sampling
from rustml.judge.verdicts import with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Status, Verdict

UNDECIDED: Mapping[Status, bool | None] = {
    "compile_error": False,
    "compile_timeout": False,
    "policy": None,
    "format": None,
    "infrastructure": None,
}
"""Whether a candidate compiles, for each status that does not imply that it does."""

Answer = Status | Verdict
Decide = Callable[[Candidate], Answer]


class FakeJudge:
    """A judge that compiles nothing: its verdicts come from a function, a table by candidate id, or a fixed status."""

    def __init__(self, decide: Decide | Mapping[str, Answer] | Answer = "passed") -> None:
        """A verdict that is decided on gets the id of its candidate. A table without the id is a KeyError."""
        self.judged: list[Candidate] = []
        """All candidates so far, in order."""
        self._decide = _function(decide)

    @classmethod
    def in_turn(cls, *answers: Answer) -> "FakeJudge":
        """A judge that gives these answers in turn, from the first again after the last. ValueError without any."""
        if not answers:
            raise ValueError("in_turn needs at least one answer")
        answer = cycle(answers)
        return cls(lambda _: next(answer))

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order; `progress` is called after each."""
        verdicts = []
        for count, candidate in enumerate(candidates, start=1):
            self.judged.append(candidate)
            answer = self._decide(candidate)
            verdicts.append(
                with_id(answer, candidate.id) if isinstance(answer, Verdict) else make_verdict(candidate.id, answer)
            )
            if progress is not None:
                progress(count, len(candidates))
        return verdicts


def _function(decide: Decide | Mapping[str, Answer] | Answer) -> Decide:
    if isinstance(decide, Mapping):
        return lambda candidate: decide[candidate.id]
    if callable(decide):
        return decide
    return lambda _: decide


def make_verdict(
    identity: str,
    status: Status,
    *,
    compiles: bool | None = None,
    clippy_clean: bool | None = None,
    lints: tuple[str, ...] = (),
    detail: str = "",
) -> Verdict:
    """A verdict on one test. Without `compiles` it says what the status implies."""
    return Verdict(
        id=identity,
        status=status,
        compiles=UNDECIDED.get(status, True) if compiles is None else compiles,
        tests_passed=int(status == "passed"),
        tests_expected=1,
        clippy_clean=clippy_clean,
        lints=lints,
        errors=(),
        seconds={},
        sandbox="none",
        detail=detail,
    )


class FakeTokenizer:
    """Renders a conversation as what is said in it, a line per turn; a character is a token."""

    bos_token: str | None = None
    eos_token: str | None = "<end>"  # noqa: S105  no password
    chat_template: Any = "what is said"
    added_tokens_decoder: Mapping[int, Any] = {}

    def apply_chat_template(self, conversation: list[dict[str, str]], **_options: Any) -> str:
        """What the messages say."""
        return "\n".join(message["content"] for message in conversation)

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Code points, after the start token where there is one."""
        start = [self.convert_tokens_to_ids(self.bos_token)] if add_special_tokens and self.bos_token else []
        return [*start, *(ord(letter) for letter in text)]

    def convert_tokens_to_ids(self, tokens: str) -> int:
        """A number that is not a code point."""
        return -len(tokens)


class FakeGenerator:
    """An engine that answers each prompt with `answer(text, sample)` and keeps the texts that it was given."""

    def __init__(self, answer: Callable[[str, int], str], batch_size: int = 2) -> None:
        self.engine: Mapping[str, str] = {"name": "fake", "batch_size": str(batch_size)}
        self.tokenizer = FakeTokenizer()
        self.asked: list[str] = []
        self.closed = False
        self._answer = answer

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        """See rustml.generation.sampling.Generator."""
        self.asked += [prompt.text for prompt in prompts]
        return [[self._answer(prompt.text, sample) for sample in range(sampling.samples)] for prompt in prompts]

    def close(self) -> None:
        """Sets `closed`."""
        self.closed = True
