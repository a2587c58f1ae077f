"""The demands of a decided gate in the form of MLflow's `MetricThreshold`, for tools that read those.

MLflow's own change relative to a baseline cannot be a tolerated loss, so each threshold is an absolute value that
follows from the baseline's. It compares point values and knows no interval: the gate decides, and asks for more.
"""

from mlflow.models import MetricThreshold

from rustml.release.gates import Decision, Finding


def metric_thresholds(decision: Decision) -> dict[str, MetricThreshold]:
    """By rule, the least value that the candidate may have."""
    return {
        finding.rule: MetricThreshold(threshold=_least(finding, decision), greater_is_better=True)
        for finding in decision.findings
        if finding.comparison is not None
    }


def as_json(decision: Decision) -> dict[str, dict[str, object]]:
    """The same as JSON values."""
    return {
        rule: {"threshold": each.threshold, "greater_is_better": each.greater_is_better}
        for rule, each in metric_thresholds(decision).items()
    }


def _least(finding: Finding, decision: Decision) -> float:
    assert finding.comparison is not None
    gate, baseline = decision.thresholds, finding.comparison.baseline
    if gate.require_gain and finding.rule in gate.rise:
        return baseline
    floor = gate.at_least.get(finding.rule.removesuffix(" at least"))
    if floor is not None and finding.rule.endswith(" at least"):
        return floor
    held = finding.rule in (*gate.rise, *gate.hold)
    return max(
        0.0, baseline - (gate.margins.get(finding.rule, gate.fall_margin) if held else gate.retention_point_margin)
    )
