"""Quantise a version for serving and register the result."""

from rustml.profile import Profile
from rustml.records import Problem
from rustml.release import versions
from rustml.release.evidence import VerifiedVersion
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.ladder import Step, profile_of
from rustml.release.registry import gate_tag, open_registry
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages.from_version import run_from_version
from rustml.stages.held_out import held_out

LIBRARIES = ("transformers", "torchao", "compressed-tensors")
STAGE = Stage("quantize", ("checkpoints", "quantize"), __name__, environment=lambda _: libraries_and_device(*LIBRARIES))


HELD_OUT = 16
"""Held-out problems on whose text the result is compared with its parent."""
LAYER = "error.layer."


def run(
    profile: Profile, *, version: str, step: str = "", parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on a version that came through the gate before it on the profile's ladder, or find that run.

    `step` is the step of the ladder to make a version for; empty for the first that this stage makes.
    Raises InputError where the ladder leaves the stage out, EvidenceError when the version's evidence does not hold.
    """
    target = step_to_make(profile, STAGE.name, step)
    verified = required_version(profile, target, version)
    profile = profile_of(profile, target.name)

    evaluation = _evaluation(profile, target, verified)

    def body(space: Workspace) -> Outcome:
        from rustml.models.quantise import quantize  # noqa: PLC0415  torch and torchao take seconds to load

        texts = [_text(problem) for problem in held_out(space.inputs["bank"], "rust-dev", HELD_OUT)]
        facts = quantize(verified.folder, profile.quantize, space.out / versions.MODEL, texts)
        layers = {name: value for name, value in facts.items() if name.startswith(LAYER)}
        table = [{"layer": name.removeprefix(LAYER), "error": value} for name, value in layers.items()]
        numbers = {f"quantize.{name}": value for name, value in facts.items() if name not in layers}
        return Outcome(numbers, tables={"quantize/layers.json": table}, tags={"quantize.producer": producer})

    producer = profile.quantize.producer
    inputs = {"bank": tracking.finished(evaluation).tags["rustml.input.bank"]}
    return run_from_version(STAGE, profile, target, verified, body, inputs, parent=parent, reuse=reuse)


def _evaluation(profile: Profile, target: Step, verified: VerifiedVersion) -> str:
    """Run of the evaluation on which the parent came through its gate."""
    tags = open_registry(profile.registered_model).version(verified.version).tags
    return tags[gate_tag(target.requires, "candidate_evaluation")]


def _text(problem: Problem) -> str:
    return f"{problem.instruction}\n{problem.reference}"
