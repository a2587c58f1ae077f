"""Results of trials over several seeds: their ranking with intervals, and which trial need not be measured further."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from rustml.training.search.space import Setting

CONFIDENCE = 0.95
DONE, PRUNED, FAILED = "done", "pruned", "failed"


@dataclass
class Trial:
    """One setting, and its results so far."""

    number: int
    setting: Setting
    scores: dict[int, float]
    """By seed."""
    runs: dict[int, str]
    """MLflow runs by seed."""
    status: str = DONE
    reason: str = ""
    """Why it failed or was pruned."""

    @property
    def mean(self) -> float:
        """Over the seeds; NaN where there is no result."""
        return statistics.fmean(self.scores.values()) if self.scores else math.nan

    @property
    def interval(self) -> tuple[float, float] | None:
        """Two-sided 95% interval of the mean by Student's t; None below two seeds, whose spread is not known."""
        if len(self.scores) < 2:
            return None
        values = list(self.scores.values())
        error = statistics.stdev(values) / math.sqrt(len(values))
        width = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * error
        return self.mean - width, self.mean + width


def ranked(trials: Sequence[Trial], *, maximise: bool) -> list[Trial]:
    """The best trial first; pruned ones after those that are done, failed ones last."""
    order = (DONE, PRUNED, FAILED)

    def place(trial: Trial) -> tuple[int, float, int]:
        score = -trial.mean if maximise else trial.mean
        return order.index(trial.status), score if math.isfinite(score) else math.inf, trial.number

    return sorted(trials, key=place)


def is_worse(scores: Sequence[float], best: Sequence[float], level: float, *, maximise: bool) -> bool:
    """Whether the mean of `scores` is worse than that of `best`, by Welch's one-sided t-test at `level`.

    Never by fewer than two seeds on either side: the spread of one seed is not known, and a sweep that drops settings
    by single seeds keeps the lucky ones. Equal scores on one side have no spread either, and decide nothing alone.
    """
    if level <= 0 or min(len(scores), len(best)) < 2:
        return False
    mine, theirs = ((statistics.fmean(each), statistics.stdev(each), len(each)) for each in (scores, best))
    if mine[1] == theirs[1] == 0:
        return False
    side = "less" if maximise else "greater"
    test = stats.ttest_ind_from_stats(*mine, *theirs, equal_var=False, alternative=side)
    return bool(test.pvalue < level)
