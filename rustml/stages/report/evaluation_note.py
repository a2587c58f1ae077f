"""What the page of an evaluation's run says: the shares with their intervals, and the command that follows."""

from rustml.evaluation.kinds import KINDS, retained
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import wilson
from rustml.evaluation.results.suite_result import SuiteResult

DIGITS = 12
"""Of a protocol's digest, as many as are shown."""


def note(report: Evaluation, label: str) -> str:
    """Markdown for an evaluation of the model that people know as `label`: `sft v1`."""
    shares = {(name, metric): _share(each, metric) for name, each in report.suites.items() for metric in _drawn(each)}
    passing = [f"{name} {text} ({interval})" for (name, metric), (text, interval) in shares.items() if metric == "pass"]
    rows = [_row(name, metric, *shares[name, metric], report.suites[name]) for name, metric in shares]
    head = ["| suite | measure | share | 95% interval | items | samples | protocol |", "|---" * 7 + "|"]
    lead = [f"Passes: {', '.join(passing)}", ""] if passing else []
    return "\n".join([*lead, *head, *rows, "", f"Next: `mlflow run . -e {_next(report, label)}`"])


def _next(report: Evaluation, label: str) -> str:
    """The gate of a version's step, where it can read this evaluation: one with a retention suite."""
    step, _, number = label.rpartition(" v")
    judged = step and number.isdigit() and retained(report.suites)
    return f"promote -P candidate={number} -P to={step}" if judged else "leaderboard"


def _drawn(result: SuiteResult) -> list[str]:
    """The measures that the kind of suite draws and that some item has."""
    return [metric for metric in KINDS[result.group].drawn if result.values(metric)]


def _share(result: SuiteResult, metric: str) -> tuple[str, str]:
    """The mean over items, and Wilson's interval over items, in percent."""
    values = result.values(metric)
    bounds = wilson(sum(values.values()), len(values))
    return f"{100 * sum(values.values()) / len(values):.1f}%", f"{100 * bounds.low:.1f} to {100 * bounds.high:.1f}"


def _row(name: str, metric: str, share: str, interval: str, result: SuiteResult) -> str:
    samples = min(len(drawn) for drawn in result.outcomes.values())
    cells = (name, metric, share, interval, len(result.values(metric)), samples, result.protocol_digest[:DIGITS])
    return f"| {' | '.join(map(str, cells))} |"
