"""The compiler as reward: a verdict becomes a number, a fault of the judge becomes None."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem, Verdict

Rewards = list[float | None]


def score(verdict: Verdict, section: GrpoSection) -> float | None:
    """The reward of one verdict; None, which leaves the loss alone, where the judge could not judge."""
    if verdict.status == "infrastructure":
        return None
    if verdict.status == "format":
        return section.reward_malformed
    if verdict.status == "passed":
        return section.reward_passed + (section.reward_clippy if verdict.clippy_clean else 0.0)
    return section.reward_compiled if verdict.compiles else section.reward_uncompiled


class JudgeReward:
    """The reward function that the trainer calls with each batch of completions."""

    __name__ = "judge"

    def __init__(self, judge: Judging, problems: Mapping[str, Problem], section: GrpoSection, seed: int) -> None:
        self._judge, self._problems, self._section = judge, problems, section
        self._rng, self._shuffles = random.Random(seed), 0

    def __call__(self, completions: list[str], problem_id: list[str], **given: Any) -> Rewards:
        """One reward per completion; logs the shares of formatted, compiled and passed completions."""
        problems = [self._problems[name] for name in problem_id]
        verdicts = judge_completions(self._judge, problems, completions)
        self._log_shares(verdicts, given.get("log_metric"))
        malformed = self._section.reward_malformed
        rewards = [malformed if verdict is None else score(verdict, self._section) for verdict in verdicts]
        if self._section.reward == "shuffled":
            self._shuffle(rewards, getattr(given.get("trainer_state"), "global_step", self._shuffles))
        return rewards

    def _shuffle(self, rewards: Rewards, step: int) -> None:
        """Shuffle in place as the `step`-th call does, counted from 0: a resumed training starts at a later one."""
        for _ in range(self._shuffles, step):
            self._rng.shuffle([None] * len(rewards))
        self._rng.shuffle(rewards)
        self._shuffles = step + 1

    @staticmethod
    def _log_shares(verdicts: Sequence[Verdict | None], log: Callable[[str, float], None] | None) -> None:
        if log is not None:
            judgements = [verdict for verdict in verdicts if verdict is not None]
            log("share.formatted", len(judgements) / len(verdicts))
            log("share.compiled", sum(bool(verdict.compiles) for verdict in judgements) / len(verdicts))
            log("share.passed", sum(verdict.status == "passed" for verdict in judgements) / len(verdicts))
