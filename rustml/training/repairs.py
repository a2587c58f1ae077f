"""Repair turns: answers of a step that failed come back in the next one as prompts, with what the compiler said.

Each such prompt is a conversation of the problem, the failed answer, and the request to correct it, and gets a group of
answers of its own. They are drawn by the model that is trained on them, and their group is their baseline, so that the
gradient is that of any other prompt; the failed answer is part of the prompt, and gets no credit for its repair. An
answer to such a prompt is asked no further.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rustml import chat
from rustml.io import write_bytes
from rustml.judge.completions import without_code
from rustml.judge.repair_question import question
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem, Record, Verdict
from rustml.training import given_errors, processes

HISTORY = "repairs-{rank}.jsonl"
"""Name of the file of waiting prompts in a training's scratch folder; each process has its own."""


class Repair(Record, frozen=True):
    """A failed answer that is to be corrected."""

    step: int
    """In which it was drawn, counted from 0."""
    problem: str
    prompt: str
    """As the trainer takes it."""
    codes: frozenset[str]
    """The errors that the compiler found, as `given_errors.codes` has them."""


class Repairs:
    """The failed answers of a step, kept in a file, so that a resumed training asks the same ones."""

    def __init__(self, section: GrpoSection, tokenizer: Any, context: int, seed: int, scratch: Path) -> None:
        """`context`: tokens of the longest conversation that the model is made for, 0 for any."""
        self._section, self._tokenizer, self._seed = section.repair, tokenizer, seed
        self._per_step = section.prompts_per_step
        longest = section.repair.max_prompt_tokens
        self._room = min(longest, context - section.max_new_tokens) if context else longest
        self._history = scratch / HISTORY.format(rank=processes.rank())
        self._waiting: list[Repair] = []

    @property
    def asks(self) -> bool:
        """Whether any failed answer is asked again."""
        return self._section.prompts > 0

    def restore(self, step: int) -> None:
        """Forget what was noted in `step`, counted from 0, and later."""
        lines = self._history.read_bytes().splitlines() if self._history.is_file() else []
        self._waiting = [one for one in map(_decoded, lines) if one is not None and one.step < step]
        if lines:
            write_bytes(self._history, b"".join(msgspec.json.encode(one) + b"\n" for one in self._waiting))

    def note(
        self, step: int, problems: Sequence[Problem], answers: Sequence[str], verdicts: Sequence[Verdict | None]
    ) -> int:
        """Choose failed answers for the next step, one of a problem at most; returns how many had no room."""
        if not self.asks:
            return 0
        failed = [place for place, verdict in enumerate(verdicts) if self._counts(verdict)]
        random.Random(f"{self._seed} {step} {len(self._waiting)}").shuffle(failed)
        chosen: dict[str, Repair] = {}
        no_room = 0
        for place in failed:
            if len(chosen) == self._section.prompts:
                break
            if problems[place].id in chosen:
                continue
            repair = self._made(step, problems[place], answers[place], verdicts[place])
            if repair is None:
                no_room += 1
            else:
                chosen[repair.problem] = repair
        self._keep(list(chosen.values()))
        return no_room

    def waiting(self, step: int, groups: int) -> list[Repair]:
        """Failed answers of the step before `step`, of different problems: this process's part, it having `groups` of
        the step's prompts."""
        by_problem = {one.problem: one for one in self._waiting if one.step == step - 1}
        return list(by_problem.values())[: self._section.prompts * groups // self._per_step]

    def weighted(self, advantages: Any, answers: int) -> Any:
        """The advantages with those of the last `answers`, which are repairs, times their weight."""
        weighted = advantages.clone()
        weighted[len(weighted) - answers :] *= self._section.weight
        return weighted

    def _counts(self, verdict: Verdict | None) -> bool:
        if self._section.failures == "compile":
            return verdict is not None and verdict.status == "compile_error"
        return verdict is None or verdict.status not in ("passed", "infrastructure")

    def _made(self, step: int, problem: Problem, answer: str, verdict: Verdict | None) -> Repair | None:
        asked = question(verdict or without_code(problem, problem.id))
        rendered = chat.prompt(self._tokenizer, asked, earlier=((problem.instruction, answer),))
        if len(self._tokenizer.encode(rendered, add_special_tokens=False)) > self._room:
            return None
        prompt = chat.without_start(self._tokenizer, rendered)
        return Repair(step=step, problem=problem.id, prompt=prompt, codes=given_errors.codes(verdict))

    def _keep(self, repairs: Sequence[Repair]) -> None:
        self._waiting += repairs
        self._history.parent.mkdir(parents=True, exist_ok=True)
        with self._history.open("ab") as file:
            file.writelines(msgspec.json.encode(one) + b"\n" for one in repairs)


def _decoded(line: bytes) -> Repair | None:
    """A row of the history; None of a line that was cut short by a kill."""
    try:
        return msgspec.json.decode(line, type=Repair)
    except msgspec.DecodeError:
        return None
