"""Keep the checkpoint that answers best: reinforcement learning is judged on development problems as it goes.

The last weights are a sample of the noise of the last steps. No gate looks at the development problems, so that a
choice by them costs the gates nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerControl, TrainerState

from rustml.errors import JudgeFault
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.records import Problem
from rustml.training import greedy, processes
from rustml.training.best_folder import BestFolder
from rustml.training.callback import Callback, evaluation_mode
from rustml.training.job import Log

Measure = Callable[[Any], float]
"""Takes a model, returns a score in [0, 1]."""


class BestCheckpoint(Callback):
    """Measures the model every `every` steps and after the last one, and keeps it where it is the best.

    Of equal scores the later one counts. What training starts from is measured and logged, and never chosen: it exists
    already.
    """

    def __init__(self, measure: Measure, best: BestFolder, every: int, log: Log) -> None:
        self._measure, self._best, self._every, self._log = measure, best, every, log

    def at_start(self, model: Any, state: TrainerState) -> None:
        """Measure what training starts from."""
        if state.global_step == 0:
            self._log(0, {"dev.pass": self._measured(model)})

    def at_step(self, model: Any, state: TrainerState, control: TrainerControl) -> None:  # noqa: ARG002
        """Measure where it is time to, and keep what is best so far."""
        if state.global_step % self._every and state.global_step < state.max_steps:
            return
        score = self._measured(model)
        # Each process has read the last score before the first one writes another.
        if processes.agreed(score >= self._best.score()):
            self._best.keep(model, state.global_step, score)
        self._log(state.global_step, {"dev.pass": score, "dev.best": self._best.score()})

    def chosen(self) -> Path:
        """The folder of the best checkpoint."""
        return self._best.folder

    def facts(self) -> dict[str, float]:
        """The step of the best checkpoint, and its score."""
        return {"dev.step": float(self._best.step()), "dev.best": self._best.score()}

    def _measured(self, model: Any) -> float:
        with evaluation_mode(model):
            return self._measure(model)


def pass_rate(tokenizer: Any, problems: Sequence[Problem], judge: Judging, max_new_tokens: int) -> Measure:
    """The share of problems that a model solves by its greedy answers; `tokenizer` pads on the left.

    Processes share the problems. The measure raises JudgeFault where their judges could judge none.
    """

    def measure(model: Any) -> float:
        own = processes.dealt(problems)
        answers = greedy.answers(model, tokenizer, [problem.instruction for problem in own], max_new_tokens)
        verdicts = judge_completions(judge, own, answers)
        judged = [verdict for verdict in verdicts if verdict is None or verdict.status != "infrastructure"]
        solved = sum(verdict is not None and verdict.status == "passed" for verdict in judged)
        passed, known = processes.summed(solved, len(judged))
        if not known:
            raise JudgeFault("the judge could judge no answer to a development problem")
        return passed / known

    return measure
