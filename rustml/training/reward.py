"""The compiler as reward: a verdict becomes a number, a fault of the judge becomes None."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from rustml.errors import JudgeFault
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem, Verdict
from rustml.training import processes
from rustml.training.given_errors import Codes, GivenErrors, share_gone
from rustml.training.guards import is_foreign, overlong
from rustml.training.pools import Pools
from rustml.training.repairs import Repair, Repairs

Rewards = list[float | None]
LogMetric = Callable[[str, float], None]
SAMPLES = "samples.jsonl"
"""Name of the file of sampled completions in a training's scratch folder."""


def score(verdict: Verdict, section: GrpoSection, before: Codes = frozenset()) -> float | None:
    """The reward of one verdict; None, which leaves the loss alone, where the judge could not judge.

    `before` are the errors of the code that the prompt asked to correct.
    """
    if verdict.status == "infrastructure":
        return None
    if verdict.status == "format":
        return section.reward_malformed
    if verdict.status == "passed":
        return section.reward_passed + (section.reward_clippy if verdict.clippy_clean else 0.0)
    if not verdict.compiles:
        return section.reward_uncompiled + section.reward_errors_gone * share_gone(before, verdict)
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


class Answered(NamedTuple):
    """An answer of a step, and what its prompt asked to correct, if that is what it asked."""

    problem: Problem
    completion: str
    verdict: Verdict | None
    repair: Repair | None


class JudgeReward:
    """The reward function that the trainer calls with each batch of completions; each process judges its own."""

    __name__ = "judge"

    def __init__(
        self,
        judge: Judging,
        problems: Mapping[str, Problem],
        section: GrpoSection,
        seed: int,
        samples: Path | None = None,
        pools: Pools | None = None,
        repairs: Repairs | None = None,
    ) -> None:
        """`samples` is a file to which completions with their verdicts are appended, as the profile says; `pools` learn
        what passed, `repairs` what failed."""
        self._judge, self._problems, self._section = judge, problems, section
        self._rng, self._shuffles = random.Random(seed + processes.rank()), 0
        self._pools, self._repairs = pools, repairs
        self._given_errors = GivenErrors(judge)
        self._samples, self._ended = samples, time.monotonic()

    def __call__(self, completions: list[str], problem_id: list[str], **given: Any) -> Rewards:
        """One reward per completion; logs what they earned, and how long the trainer waited for the verdicts.

        `given` holds what the trainer knows, above all `repair`, what a prompt asks to correct, and `completion_ids`.
        Raises JudgeFault where the judge could not judge a larger share of all processes' completions than the profile
        allows.
        """
        asked = time.monotonic()
        step = getattr(given.get("trainer_state"), "global_step", self._shuffles)
        log = given.get("log_metric") or _no_log
        explained = self._repairs is not None and self._repairs.asks
        problems = [self._problems[name] for name in problem_id]
        verdicts = judge_completions(self._judge, problems, completions, explained=explained)
        self._refuse_faults(verdicts)
        repairs = given.get("repair") or [None] * len(completions)
        answers = [Answered(*one) for one in zip(problems, completions, verdicts, repairs, strict=True)]
        rewards = self._rewards(answers, given.get("completion_ids"), log)
        first = [one for one in answers if one.repair is None]
        self._log(first, asked, log)
        log_repairs([one for one in answers if one.repair is not None], log)
        self._sample(step, answers, rewards)
        self._note(step, first, log)
        if self._section.reward == "shuffled":
            self._shuffle(rewards, step)
        return rewards

    def _refuse_faults(self, verdicts: Sequence[Verdict | None]) -> None:
        faults = [verdict for verdict in verdicts if verdict is not None and verdict.status == "infrastructure"]
        failed, all_of_them = processes.summed(len(faults), len(verdicts))
        if failed > self._section.health.fault_share * all_of_them:
            first = f"; the first: {faults[0].detail}" if faults else ""
            raise JudgeFault(
                f"the judge could not judge {failed:.0f} of {all_of_them:.0f} completions "
                f"(grpo.health.fault_share: {self._section.health.fault_share:g}){first}"
            )

    def _rewards(self, answers: Sequence[Answered], tokens: Sequence[Sequence[int]] | None, log: LogMetric) -> Rewards:
        """What the verdicts earn, less what the guards take."""
        section, guards = self._section, self._section.guards
        before = self._before(answers)
        rewards = [
            section.reward_malformed if one.verdict is None else score(one.verdict, section, codes)
            for one, codes in zip(answers, before, strict=True)
        ]
        if guards.foreign_reward is not None:
            foreign = [is_foreign(one.completion, one.problem, guards.foreign_share) for one in answers]
            rewards = [_at_most(guards.foreign_reward, r) if f else r for r, f in zip(rewards, foreign, strict=True)]
            log("guard.foreign", sum(foreign) / len(foreign))
        if guards.overlong_cache and tokens is not None:
            punished = [overlong(len(ids), section.max_new_tokens, guards) for ids in tokens]
            rewards = [None if r is None else r + less for r, less in zip(rewards, punished, strict=True)]
            log("guard.overlong", sum(less < 0 for less in punished) / len(punished))
        return rewards

    def _before(self, answers: Sequence[Answered]) -> list[Codes]:
        """Errors of the code that each prompt shows, where they count."""
        if not self._section.reward_errors_gone:
            return [frozenset()] * len(answers)
        given = self._given_errors.of([one.problem for one in answers])
        return [codes if one.repair is None else one.repair.codes for one, codes in zip(answers, given, strict=True)]

    def _note(self, step: int, first: Sequence[Answered], log: LogMetric) -> None:
        """Tell pools and repairs what became of answers to problems; answers to repairs count for neither."""
        verdicts = [one.verdict for one in first]
        if self._pools is not None:
            self._pools.note(step, [one.problem.id for one in first], verdicts)
        if self._repairs is not None and self._repairs.asks:
            problems, texts = [one.problem for one in first], [one.completion for one in first]
            log("repair.no_room", float(self._repairs.note(step, problems, texts, verdicts)))

    def _shuffle(self, rewards: Rewards, step: int) -> None:
        """Shuffle in place as the `step`-th call does, counted from 0: a resumed training starts at a later one."""
        for _ in range(self._shuffles, step):
            self._rng.shuffle([None] * len(rewards))
        self._rng.shuffle(rewards)
        self._shuffles = step + 1

    def _log(self, answers: Sequence[Answered], asked: float, log: LogMetric) -> None:
        """Shares by what was found, by tier of reward and of refused means; seconds that the verdicts took."""
        before, self._ended = self._ended, time.monotonic()
        judgements = [one.verdict for one in answers if one.verdict is not None]
        log("share.formatted", len(judgements) / len(answers))
        log("share.compiled", sum(bool(verdict.compiles) for verdict in judgements) / len(answers))
        for status in ("passed", "policy", "incomplete"):
            log(f"share.{status}", sum(verdict.status == status for verdict in judgements) / len(answers))
        tiers = Counter(tier(one.verdict, self._section) for one in answers)
        for name in ("malformed", "uncompiled", "compiled", "passed", "clippy", "fault"):
            log(f"tier.{name}", tiers[name] / len(answers))
        latencies = sorted(sum(verdict.seconds.values()) for verdict in judgements) or [0.0]
        for percent in (50, 99):
            log(f"judge.latency_p{percent}", latencies[(len(latencies) - 1) * percent // 100])
        log("judge.wait_seconds", self._ended - asked)
        log("judge.wait_share", (self._ended - asked) / max(self._ended - before, 1e-9))

    def _sample(self, step: int, answers: Sequence[Answered], rewards: Rewards) -> None:
        """Write the first answers to problems and the first ones to repairs."""
        asked = self._section.samples
        if self._samples is None or not asked.every or step % asked.every or not processes.writes():
            return
        rows = list(zip(answers, rewards, strict=True))
        turns = [[row for row in rows if (row[0].repair is None) == first] for first in (True, False)]
        chosen = [row for turn in turns for row in turn[: asked.completions]]
        self._samples.parent.mkdir(parents=True, exist_ok=True)
        encoder = msgspec.json.Encoder()
        with self._samples.open("ab") as file:
            for place, (answered, reward) in enumerate(chosen):
                file.write(encoder.encode(_row(step, place, answered, reward)) + b"\n")


def log_repairs(answers: Sequence[Answered], log: LogMetric) -> None:
    """Groups of repairs are asked apart: shares of all answers to them."""
    if answers:
        log("repair.answers", float(len(answers)))
        log("repair.compiled", sum(bool(one.verdict and one.verdict.compiles) for one in answers) / len(answers))
        log(
            "repair.passed", sum(bool(one.verdict and one.verdict.status == "passed") for one in answers) / len(answers)
        )


def _row(step: int, place: int, answered: Answered, reward: float | None) -> dict[str, Any]:
    return {
        "step": step,
        "place": place,
        "problem": answered.problem.id,
        "repairs": answered.repair.prompt if answered.repair else "",
        "status": "format" if answered.verdict is None else answered.verdict.status,
        "reward": reward,
        "completion": answered.completion,
    }


def _at_most(limit: float, reward: float | None) -> float | None:
    return None if reward is None else min(limit, reward)


def _no_log(_name: str, _value: float) -> None:
    """In the place of a log, where there is none."""


def samples(path: Path) -> list[dict[str, Any]]:
    """The rows that `JudgeReward` sampled, those of a step once: a resumed training draws the last steps again."""
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        row = msgspec.json.decode(line)
        rows[row["step"], row["place"]] = row
    return [rows[key] for key in sorted(rows)]
