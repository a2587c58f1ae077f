"""A small sample of answers while SFT goes on: judged, as curves, and to be read, as a table."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from rustml.errors import InputError
from rustml.io import write_bytes
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile import Profile
from rustml.profile.sft import JudgedSection
from rustml.records import Problem, Verdict, read_jsonl
from rustml.runs.stage import Workspace
from rustml.stages.judging import open_judge
from rustml.training.sampled_answers import ANSWERED, Asked, answers_file

log = logging.getLogger(__name__)
PROMPT = "prompt {number}"
FAULT = "infrastructure"


class JudgedSample:
    """Problems that are asked and judged, and prompts whose answers are read by people."""

    def __init__(
        self, problems: Sequence[Problem], prompts: Sequence[str], judge: Judging | None, scratch: Path
    ) -> None:
        """`judge` is None where there are no problems."""
        self._problems, self._judge, self._scratch = problems, judge, scratch
        self._prompts = {PROMPT.format(number=number): text for number, text in enumerate(prompts, 1)}

    def asked(self, section: JudgedSection) -> Asked:
        """What the training asks its model."""
        instructions = {problem.id: problem.instruction for problem in self._problems} | self._prompts
        return Asked(instructions, section.every, section.max_new_tokens)

    def curves(self, step: int, metrics: Mapping[str, float]) -> dict[str, float]:
        """The metrics, with rates in the place of the word that answers lie there."""
        others = {name: value for name, value in metrics.items() if name != ANSWERED}
        return others if len(others) == len(metrics) else others | self._rates(step)

    def rows(self) -> list[dict[str, Any]]:
        """Every answer of every step with what the judge said; one to a prompt has no verdict."""
        files = sorted((self._scratch / "judged").glob("*.json"))
        return [row for file in files for row in json.loads(file.read_bytes())]

    def _rates(self, step: int) -> dict[str, float]:
        answers = json.loads(answers_file(self._scratch, step).read_bytes())
        verdicts: list[Verdict | None] = []
        if self._judge is not None:
            verdicts = judge_completions(self._judge, self._problems, [answers[p.id] for p in self._problems])
        status = ["no code" if verdict is None else verdict.status for verdict in verdicts]
        told = dict(zip((problem.id for problem in self._problems), status, strict=True))
        rows = [
            {"step": step, "asked": name, "status": told.get(name, ""), "answer": answer}
            for name, answer in answers.items()
        ]
        file = self._scratch / "judged" / f"{step:08}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, json.dumps(rows).encode())
        return _rates(verdicts)


def _rates(verdicts: Sequence[Verdict | None]) -> dict[str, float]:
    """Shares of the answers that the judge could judge; none where it could judge none."""
    judged = [verdict for verdict in verdicts if verdict is None or verdict.status != FAULT]
    faults = len(verdicts) - len(judged)
    if faults:
        log.warning("the judge could not judge %d of %d sampled answers", faults, len(verdicts))
    if not judged:
        return {}
    compiled = sum(verdict is not None and bool(verdict.compiles) for verdict in judged)
    passed = sum(verdict is not None and verdict.status == "passed" for verdict in judged)
    return {"judged.compile": compiled / len(judged), "judged.pass": passed / len(judged)}


@contextmanager
def opened(profile: Profile, space: Workspace) -> Iterator[JudgedSample]:
    """The sample that `sft.judged` asks for, empty by default. Raises InputError where the bank lacks its problems.

    Raises what `open_judge` raises, before the training starts.
    """
    section, file = profile.sft.judged, space.inputs["bank"] / "rust-dev.jsonl"
    if not section.problems:
        yield JudgedSample([], section.prompts, None, space.scratch)
        return
    problems = list(islice(read_jsonl(file, Problem), section.problems)) if file.is_file() else []
    if len(problems) < section.problems:
        raise InputError(f"sft.judged.problems: {section.problems} are asked for, and {file} holds {len(problems)}")
    with open_judge(profile, space.cache, lints=False, keep=False) as judge:
        yield JudgedSample(problems, section.prompts, judge, space.scratch)
