"""The model card of a registered version: what it is, what was measured, which gates let it through."""

from collections.abc import Mapping, Sequence

from rustml.evaluation.results.report_file import Evaluation
from rustml.release.evidence import OVERRIDDEN
from rustml.release.ladder import LADDER, Ladder
from rustml.release.registry import WEIGHTS_TAG, Registry, gate_tag


def card(registry: Registry, number: str, ladder: Ladder = LADDER) -> str:
    """Markdown for a version, from its tags and the evaluation of its last gate on the ladder.

    Raises InputError when there is no such version, EvidenceError when its evaluation is gone.
    """
    version = registry.version(number)
    tags = version.tags
    gates = [step for step in ladder.names if gate_tag(step) in tags]
    lines = [
        f"# {version.name}",
        "",
        f"Weights: `{tags.get(WEIGHTS_TAG, 'unknown')}`  ",
        f"Made from: {f'version {version.parent}' if version.parent else 'the base model'}",
        "",
        "## Gates",
        "",
        *([f"- {step}: {_outcome(tags, step)}" for step in gates] or ["None yet: this version was never promoted."]),
    ]
    if gates:
        run = tags[gate_tag(gates[-1], "candidate_evaluation")]
        lines += ["", f"## Measured (run `{run}`)", "", *_metrics(registry.evaluation(run))]
    return "\n".join(lines) + "\n"


def _outcome(tags: Mapping[str, str], step: str) -> str:
    """The reason of an overridden refusal is shown for good, whatever was decided later."""
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
