"""The model card of a registered version: what it is, what was measured, which gates let it through."""

from collections.abc import Mapping, Sequence

from mlflow.tracking import MlflowClient

from rustml.evaluation.results.outcomes import Evaluation
from rustml.release import registry
from rustml.release.evidence import OVERRIDDEN
from rustml.release.registry import PARENT, STEPS, WEIGHTS, gate_tag


def card(client: MlflowClient, model: str, version: str) -> str:
    """Markdown for a version, from its tags and the evaluation of its last gate.

    Raises InputError when there is no such version, EvidenceError when its evaluation is gone.
    """
    tags = dict(registry.version_of(client, model, version).tags)
    gates = [step for step in STEPS if gate_tag(step) in tags]
    lines = [
        f"# {model} version {version}",
        "",
        f"Weights: `{tags.get(WEIGHTS, 'unknown')}`  ",
        f"Made from: {'version ' + tags[PARENT] if tags.get(PARENT) else 'the base model'}",
        "",
        "## Gates",
        "",
        *([f"- {step}: {_outcome(tags, step)}" for step in gates] or ["None yet: this version was never promoted."]),
    ]
    if gates:
        run = tags[gate_tag(gates[-1], "candidate_evaluation")]
        lines += ["", f"## Measured (run `{run}`)", "", *_metrics(registry.evaluation_of(client, run))]
    return "\n".join(lines) + "\n"


def _outcome(tags: Mapping[str, str], step: registry.Step) -> str:
    """Of an overridden refusal the reason is shown for good, whatever was decided later."""
    reason = tags.get(gate_tag(step, "override"), "")
    outcome = tags[gate_tag(step)]
    decided = f"{outcome}, decision `{tags.get(gate_tag(step, 'decision'), '')[:12]}`"
    if not reason:
        return decided
    label = "**promoted in spite of a refusal**" if outcome == OVERRIDDEN else "once promoted in spite of a refusal"
    return f"{decided}; {label}: {' '.join(reason.split())}"


def _metrics(evaluation: Evaluation) -> Sequence[str]:
    rates = {name: value for name, value in evaluation.metrics().items() if name.endswith(("_rate", "pass_at_1"))}
    return ["| metric | % |", "|---|---|", *(f"| {name} | {100 * value:.1f} |" for name, value in rates.items())]
