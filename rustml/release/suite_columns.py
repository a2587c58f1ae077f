"""What a table of models shows of the suites that were measured: the columns of each kind, and their meaning."""

from collections.abc import Iterable

from rustml.evaluation.kinds import KINDS
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult


def columns_of(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Headers and their metrics, in the order of the suites."""
    return {
        header: metric
        for name, result in _suites(evaluations).items()
        for header, metric in KINDS[result.group].columns(name, result).items()
    }


def captions_of(evaluations: Iterable[Evaluation]) -> list[str]:
    """A sentence for each suite whose columns need one."""
    captions = (KINDS[result.group].caption(name, result) for name, result in _suites(evaluations).items())
    return [caption for caption in captions if caption]


def _suites(evaluations: Iterable[Evaluation]) -> dict[str, SuiteResult]:
    return {name: result for evaluation in evaluations for name, result in evaluation.suites.items()}
