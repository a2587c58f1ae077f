"""What the page of an evaluation's run says: the shares with their intervals, and the command that follows."""

from collections.abc import Iterator

from rustml.evaluation.kinds import KINDS
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import wilson
from rustml.evaluation.results.suite_result import SuiteResult

DIGITS = 12
"""Of a protocol's digest, as many as are shown."""


def note(report: Evaluation, label: str) -> str:
    """Markdown for an evaluation of the model that people know as `label`: `sft v1`."""
    head = ["| suite | measure | share | 95% interval | items | samples | protocol |", "|---" * 7 + "|"]
    rows = [row for name, result in report.suites.items() for row in _rows(name, result)]
    step, _, number = label.rpartition(" v")
    command = f"promote -P candidate={number} -P to={step}" if step and number.isdigit() else "leaderboard"
    return "\n".join([*head, *rows, "", f"Next: `mlflow run . -e {command}`"])


def _rows(name: str, result: SuiteResult) -> Iterator[str]:
    """A row per measure that the kind of suite draws; the interval is Wilson's over items."""
    samples = min((len(drawn) for drawn in result.outcomes.values()), default=0)
    for metric in KINDS[result.group].drawn:
        values = result.values(metric)
        if values:
            share = sum(values.values()) / len(values)
            bounds = wilson(share * len(values), len(values))
            interval = f"{100 * bounds.low:.1f} to {100 * bounds.high:.1f}"
            yield (
                f"| {name} | {metric} | {100 * share:.1f}% | {interval} | {len(values)} | {samples} "
                f"| {result.protocol_digest[:DIGITS]} |"
            )
