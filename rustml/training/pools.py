"""Prompts by their pass rate: a moving estimate per problem, and draws that prefer what is solved now and then.

A group of answers of which all or none passes has mostly equal rewards and teaches little. Such problems are drawn less
often, never not at all: the model changes, and with it what it can solve.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from rustml.io import write_bytes
from rustml.profile.grpo import PoolsSection
from rustml.records import Verdict
from rustml.training import processes

HISTORY = "pools.jsonl"
"""Name of the file of outcomes in a training's scratch folder."""
EDGE = 0.1
"""An estimate this close to 0 or 1 counts as never or always solved."""
NAMES = ("unseen", "never", "between", "always")
Outcome = tuple[int, str, float]
"""A step, a problem, and the share of its answers that passed."""


class Pools:
    """Estimates of pass rates, the same in each process. The first one keeps outcomes in `history`, so that a resumed
    training has the same estimates."""

    def __init__(
        self, names: Sequence[str], section: PoolsSection, seed: int, history: Path, known: Mapping[str, float]
    ) -> None:
        """`known` holds pass rates that were measured beforehand."""
        self._names, self._section, self._seed, self._history, self._known = names, section, seed, history, known
        self._rates: dict[str, float] = dict(known)

    @property
    def chooses(self) -> bool:
        """Whether prompts are drawn by their pass rate."""
        return self._section.by_pass_rate

    @property
    def resamples(self) -> int:
        """How often groups without signal are drawn again within a step."""
        return self._section.resamples

    def restore(self, step: int) -> None:
        """Forget all outcomes but those of the steps before `step`, counted from 0."""
        self._rates = dict(self._known)
        lines = self._history.read_bytes().splitlines() if processes.writes() and self._history.is_file() else []
        earlier = [row for row in map(_decoded, lines) if row is not None and row[0] < step]
        if processes.writes():
            self._history.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._history, b"".join(map(_encoded, earlier)))
        for _, name, share in processes.gathered(earlier):
            self._learn(name, share)

    def note(self, step: int, names: Sequence[str], verdicts: Sequence[Verdict | None]) -> None:
        """Take in the verdicts on a step's answers, `names` being their problems; faults of the judge do not count.

        Each process brings its own answers, and takes in those of all.
        """
        passed, answers = Counter[str](), Counter[str]()
        for name, verdict in zip(names, verdicts, strict=True):
            if verdict is None or verdict.status != "infrastructure":
                answers[name] += 1
                passed[name] += verdict is not None and verdict.status == "passed"
        rows = processes.gathered([(step, name, passed[name] / count) for name, count in answers.items()])
        for _, name, share in rows:
            self._learn(name, share)
        if processes.writes():
            self._history.parent.mkdir(parents=True, exist_ok=True)
            with self._history.open("ab") as file:
                file.writelines(map(_encoded, rows))

    def draw(self, step: int, attempt: int, count: int, without: Collection[str] = ()) -> list[str]:
        """`count` different problems, or as many as there are outside of `without`.

        Each draws an exponential variate over its weight, and the smallest come first (Efraimidis and Spirakis,
        "Weighted random sampling with a reservoir", 2006). The draw depends on step, attempt and estimates alone.
        """
        rng = random.Random(f"{self._seed} {step} {attempt}")
        keyed = [(-math.log1p(-rng.random()) / self.weight(name), name) for name in self._names]
        return [name for _, name in sorted(keyed) if name not in without][:count]

    def weight(self, name: str) -> float:
        """How often a problem is drawn against one that is solved half the time, or that has not been seen."""
        if not self.chooses or name not in self._rates:
            return 1.0
        rate, least = self._rates[name], self._section.least_weight
        return least + (1 - least) * 4 * rate * (1 - rate)

    def sizes(self) -> dict[str, int]:
        """Problems by what is estimated of them."""
        counts = Counter(self._pool(name) for name in self._names)
        return {name: counts[name] for name in NAMES}

    def _pool(self, name: str) -> str:
        if name not in self._rates:
            return "unseen"
        rate = self._rates[name]
        return "never" if rate < EDGE else "always" if rate > 1 - EDGE else "between"

    def _learn(self, name: str, share: float) -> None:
        """The first outcome counts whole, each later one with what `memory` leaves of the estimate."""
        before, memory = self._rates.get(name, share), self._section.memory
        self._rates[name] = memory * before + (1 - memory) * share


def _encoded(row: Outcome) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _decoded(line: bytes) -> Outcome | None:
    """A row of the history; None of a line that was cut short by a kill."""
    try:
        step, name, share = json.loads(line)
    except ValueError:
        return None
    return int(step), str(name), float(share)
