"""The compiler as reward: a verdict becomes a number, a fault of the judge becomes None."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import JudgeFault
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem, Verdict
from rustml.training.pools import Pools

Rewards = list[float | None]
SAMPLES = "samples.jsonl"
"""Name of the file of sampled completions in a training's scratch folder."""


def score(verdict: Verdict, section: GrpoSection) -> float | None:
    """The reward of one verdict; None, which leaves the loss alone, where the judge could not judge."""
    if verdict.status == "infrastructure":
        return None
    if verdict.status == "format":
        return section.reward_malformed
    if verdict.status == "passed":
        return section.reward_passed + (section.reward_clippy if verdict.clippy_clean else 0.0)
    if not verdict.compiles:
        return section.reward_uncompiled
    share = verdict.tests_passed / verdict.tests_expected if verdict.tests_expected else 0.0
    return section.reward_compiled + section.reward_tests * share


def tier(verdict: Verdict | None, section: GrpoSection) -> str:
    """The name of the reward that a verdict earns, as a metric has it; None is an answer without code."""
    if verdict is None or verdict.status == "format":
        return "malformed"
    if verdict.status == "infrastructure":
        return "fault"
    if verdict.status == "passed":
        return "clippy" if section.reward_clippy and verdict.clippy_clean else "passed"
    return "compiled" if verdict.compiles else "uncompiled"


class JudgeReward:
    """The reward function that the trainer calls with each batch of completions."""

    __name__ = "judge"

    def __init__(
        self,
        judge: Judging,
        problems: Mapping[str, Problem],
        section: GrpoSection,
        seed: int,
        samples: Path | None = None,
        pools: Pools | None = None,
    ) -> None:
        """`samples` is a file to which completions with their verdicts are appended, as the profile says; `pools` learn
        what passed."""
        self._judge, self._problems, self._section = judge, problems, section
        self._rng, self._shuffles = random.Random(seed), 0
        self._pools = pools
        self._samples, self._ended = samples, time.monotonic()

    def __call__(self, completions: list[str], problem_id: list[str], **given: Any) -> Rewards:
        """One reward per completion; logs what they earned, and how long the trainer waited for the verdicts.

        Raises JudgeFault where the judge could not judge a larger share of them than the profile allows.
        """
        problems = [self._problems[name] for name in problem_id]
        asked = time.monotonic()
        verdicts = judge_completions(self._judge, problems, completions)
        self._refuse_faults(verdicts)
        self._log(verdicts, asked, given.get("log_metric"))
        malformed = self._section.reward_malformed
        rewards = [malformed if verdict is None else score(verdict, self._section) for verdict in verdicts]
        step = getattr(given.get("trainer_state"), "global_step", self._shuffles)
        self._sample(step, problem_id, completions, verdicts, rewards)
        if self._pools is not None:
            self._pools.note(step, problem_id, verdicts)
        if self._section.reward == "shuffled":
            self._shuffle(rewards, step)
        return rewards

    def _refuse_faults(self, verdicts: Sequence[Verdict | None]) -> None:
        faults = [verdict for verdict in verdicts if verdict is not None and verdict.status == "infrastructure"]
        if len(faults) > self._section.health.fault_share * len(verdicts):
            raise JudgeFault(
                f"the judge could not judge {len(faults)} of {len(verdicts)} completions "
                f"(grpo.health.fault_share: {self._section.health.fault_share:g}); the first: {faults[0].detail}"
            )

    def _shuffle(self, rewards: Rewards, step: int) -> None:
        """Shuffle in place as the `step`-th call does, counted from 0: a resumed training starts at a later one."""
        for _ in range(self._shuffles, step):
            self._rng.shuffle([None] * len(rewards))
        self._rng.shuffle(rewards)
        self._shuffles = step + 1

    def _log(self, verdicts: Sequence[Verdict | None], asked: float, log: Callable[[str, float], None] | None) -> None:
        """Shares by what was found, by tier of reward and of refused means; seconds that the verdicts took."""
        before, self._ended = self._ended, time.monotonic()
        if log is None:
            return
        judgements = [verdict for verdict in verdicts if verdict is not None]
        log("share.formatted", len(judgements) / len(verdicts))
        log("share.compiled", sum(bool(verdict.compiles) for verdict in judgements) / len(verdicts))
        for status in ("passed", "policy", "incomplete"):
            log(f"share.{status}", sum(verdict.status == status for verdict in judgements) / len(verdicts))
        tiers = Counter(tier(verdict, self._section) for verdict in verdicts)
        for name in ("malformed", "uncompiled", "compiled", "passed", "clippy", "fault"):
            log(f"tier.{name}", tiers[name] / len(verdicts))
        latencies = sorted(sum(verdict.seconds.values()) for verdict in judgements) or [0.0]
        for percent in (50, 99):
            log(f"judge.latency_p{percent}", latencies[(len(latencies) - 1) * percent // 100])
        log("judge.wait_seconds", self._ended - asked)
        log("judge.wait_share", (self._ended - asked) / max(self._ended - before, 1e-9))

    def _sample(
        self,
        step: int,
        names: Sequence[str],
        completions: Sequence[str],
        verdicts: Sequence[Verdict | None],
        rewards: Rewards,
    ) -> None:
        asked = self._section.samples
        if self._samples is None or not asked.every or step % asked.every:
            return
        rows = list(zip(names, completions, verdicts, rewards, strict=True))[: asked.completions]
        encoder = msgspec.json.Encoder()
        self._samples.parent.mkdir(parents=True, exist_ok=True)
        with self._samples.open("ab") as file:
            for place, (name, completion, verdict, reward) in enumerate(rows):
                status = "format" if verdict is None else verdict.status
                row = {
                    "step": step,
                    "place": place,
                    "problem": name,
                    "status": status,
                    "reward": reward,
                    "completion": completion,
                }
                file.write(encoder.encode(row) + b"\n")


def samples(path: Path) -> list[dict[str, Any]]:
    """The rows that `JudgeReward` sampled, those of a step once: a resumed training draws the last steps again."""
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        row = msgspec.json.decode(line)
        rows[row["step"], row["place"]] = row
    return [rows[key] for key in sorted(rows)]
