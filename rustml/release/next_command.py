"""What a person runs next, once a gate has decided on a version."""

from rustml.release.ladder import Ladder, Step

READS = {"sft": ("bank", "pairs"), "grpo": ("bank",), "expert_iteration": ("bank",)}
"""Runs that a stage has to be given besides the version, by role."""


def next_command(number: str, step: Step, ladder: Ladder, *, promoted: bool, bank: str = "RUN") -> str:
    """The stage of the next step, the next promotion, the server, or after a refusal the same gate once more.

    `bank` is the run of the problems that the version was measured on.
    """
    if not promoted:
        return f"mlflow run . -e promote -P candidate={number} -P to={step.name}"
    later = ladder.steps[ladder.names.index(step.name) + 1 :]
    if not later:
        return f"mlflow run . -e serve -P model={step.name}"
    if later[0].made_by:
        runs = {"bank": bank, "pairs": "RUN"}
        inputs = "".join(f" -P {role}={runs[role]}" for role in READS.get(later[0].made_by, ()))
        return f"mlflow run . -e {later[0].made_by} -P version={number}{inputs}"
    return f"mlflow run . -e promote -P candidate={number} -P to={later[0].name} -P base=RUN"
