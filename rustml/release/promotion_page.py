"""What a person sees on the page of a promotion's run: demands as params, effects as metrics, links, reasons."""

import re
import time
from collections.abc import Mapping

import msgspec
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from rustml.release.gates import Decision, Finding
from rustml.release.metric_thresholds import as_json
from rustml.runs.description import run_link
from rustml.runs.open_run import NOTE
from rustml.runs.run_logging import param

THRESHOLDS = "metric_thresholds.json"


def show(client: MlflowClient, run_id: str, decision: Decision, runs: Mapping[str, str]) -> None:
    """Log a decision's demands, effects and reasons with its run. `runs` are the compared evaluations by side."""
    now = int(time.time() * 1000)
    demands = msgspec.to_builtins(decision.thresholds)
    params = {f"gate.{name}": param(value) for name, value in demands.items()} | dict(runs)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in effects(decision).items()],
        params=[Param(name, text) for name, text in params.items()],
        tags=[RunTag(NOTE, _note(client, decision, runs)), RunTag("rustml.gate", _word(decision))],
    )
    client.log_dict(run_id, as_json(decision), THRESHOLDS)


def effects(decision: Decision) -> dict[str, float]:
    """Of each compared rule the observed effect and its lower bound, in points, and whether the gate passed."""
    metrics = {"gate.passed": float(decision.passed)}
    for finding in decision.findings:
        if finding.comparison is not None:
            name = re.sub(r"[^\w.]+", "_", finding.rule).strip("_")
            metrics[f"{name}.points"] = 100 * finding.comparison.delta
            metrics[f"{name}.lower_bound"] = 100 * finding.comparison.low
    return metrics


def findings_table(findings: tuple[Finding, ...]) -> list[str]:
    """Markdown: a row per rule, with the numbers and the interval in points."""
    rows = ["| rule | before | after | change | 95% interval | holds |", "|---|---|---|---|---|---|"]
    for finding in findings:
        compared = finding.comparison
        if compared is None:
            rows.append(f"| {finding.rule}: {finding.text} | | | | | {_sign(finding)} |")
            continue
        bounds = f"{100 * compared.low:+.1f} to {100 * max(compared.bootstrap.high, compared.adjusted.high):+.1f}"
        shares = f"{100 * compared.baseline:.1f}% | {100 * compared.candidate:.1f}% | {100 * compared.delta:+.1f}"
        rows.append(f"| {finding.rule} | {shares} | {bounds} | {_sign(finding)} |")
    return rows


def _note(client: MlflowClient, decision: Decision, runs: Mapping[str, str]) -> str:
    links = [f"{side}: {run_link(client, run_id)}" for side, run_id in runs.items()]
    reasons = [f"- {reason}" for reason in decision.reasons]
    head = f"**{_word(decision)}**: {', '.join(links)}"
    return "\n".join([head, "", *findings_table(decision.findings), "", *reasons])


def _word(decision: Decision) -> str:
    return "passed" if decision.passed else "refused"


def _sign(finding: Finding) -> str:
    return "yes" if finding.passed else "**no**"
