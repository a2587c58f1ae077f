"""The promotion ladder: one table of steps, and the steps that a profile walks.

A step is an alias in the registry and a gate before it. To add one: a row below, thresholds of its name under `gates`
in profiles/defaults.yaml, and the stage that makes its versions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rustml.errors import InputError, ProfileError
from rustml.profile import Profile
from rustml.profile.gates import Thresholds
from rustml.profile.load import changed

Baseline = Literal["base", "parent"]
PREVIOUS = "previous"


@dataclass(frozen=True)
class Step:
    """One promotion: which versions take it, and what their evaluation is compared with."""

    name: str
    """Alias of the version that took the step last, and part of its tags: `gate.sft`."""
    made_by: str
    """Stage that makes the versions which take this step; empty where the step makes none (`champion`)."""
    compared_with: Baseline
    """`parent`: the version that the candidate was made from, or the base model where it was made from that.
    `base`: always the base model, so that small permitted losses of several steps cannot add up unseen."""
    requires: str
    """In the table: `previous`, or empty where the stage may start from the base model. On a profile's ladder: the name
    of the step whose evidence must hold before the stage starts."""
    mlflow_stage: Literal["Staging", "Production"]
    """The deprecated stage that goes with the alias, for tools that still read it."""
    gated_like: str = ""
    """Another row, whose thresholds the step has where the profile gives it none of its own."""

    @property
    def needs_version(self) -> bool:
        """Whether its candidates are made from a registered version, never from the base model."""
        return bool(self.requires) and bool(self.made_by)


STEPS = (
    Step("sft", made_by="sft", compared_with="parent", requires="", mlflow_stage="Staging"),
    Step(
        "expert_iteration",
        made_by="expert_iteration",
        compared_with="parent",
        requires=PREVIOUS,
        mlflow_stage="Staging",
        gated_like="grpo",
    ),
    Step("grpo", made_by="grpo", compared_with="parent", requires=PREVIOUS, mlflow_stage="Staging"),
    Step("fp8", made_by="quantize", compared_with="parent", requires=PREVIOUS, mlflow_stage="Staging"),
    Step("champion", made_by="", compared_with="base", requires=PREVIOUS, mlflow_stage="Production"),
)
"""The table. Every other module asks a ladder."""


@dataclass(frozen=True)
class Ladder:
    """Steps in the order in which a version, or its descendants, take them."""

    steps: tuple[Step, ...]

    def __iter__(self) -> Iterator[Step]:
        """From the first step to the last."""
        return iter(self.steps)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the steps, in order."""
        return tuple(step.name for step in self.steps)

    @property
    def making(self) -> tuple[Step, ...]:
        """The steps that make a version, in order."""
        return tuple(step for step in self.steps if step.made_by)

    def step(self, name: str) -> Step:
        """The step of this name. Raises InputError where the ladder has none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise InputError(f"no step {name!r} on the ladder; this profile's steps are {', '.join(self.names)}")

    def made_by(self, stage: str) -> Step:
        """The first step whose versions the stage makes. Raises InputError where the ladder leaves the stage out."""
        for step in self.steps:
            if step.made_by == stage:
                return step
        raise InputError(
            f"stage {stage} makes versions of no step here; this profile's ladder: {', '.join(self.names)}. "
            f"Name {maker_label(stage)} under `ladder`"
        )


def climbed(rows: Sequence[tuple[str, Step]]) -> Ladder:
    """The ladder of named rows of the table, each requiring the step before it.

    Raises ProfileError for a name that occurs twice, and for a first step that needs an earlier one.
    """
    steps: list[Step] = []
    for name, row in rows:
        if name in (step.name for step in steps):
            raise ProfileError(f"ladder: step {name} occurs twice")
        if row.requires and not steps:
            raise ProfileError(f"ladder: step {name} cannot be the first: it takes versions that came through a gate")
        steps.append(replace(row, name=name, requires=steps[-1].name if steps else ""))
    return Ladder(tuple(steps))


LADDER = climbed([(row.name, row) for row in STEPS])
"""All rows, in the order of the table."""


def ladder_of(profile: Profile) -> Ladder:
    """The steps that a profile walks. Raises ProfileError for one that neither table nor phases hold."""
    if not profile.ladder:
        raise ProfileError("ladder: is empty; name at least one step")
    return climbed([(name, _row(profile, name)) for name in profile.ladder])


def profile_of(profile: Profile, name: str) -> Profile:
    """The profile that a step's version is made by: that of its phase, or the whole profile as it is.

    Raises ProfileError for changes that the profile's types refuse.
    """
    phase = profile.phases.get(name)
    return changed(profile, phase.changes, f"phases.{name}.changes") if phase else profile


def thresholds_of(profile: Profile, name: str) -> Thresholds:
    """The profile's thresholds for a step: its own, those of the step that a phase is made like, or those of the step
    that the table gates it like. Raises ProfileError where there are none.
    """
    row = _row(profile, name)
    for key in (name, row.name, row.gated_like):
        if key in profile.gates:
            return profile.gates[key]
    raise ProfileError(f"gates.{name}: is missing, and `ladder` names the step")


def _row(profile: Profile, name: str) -> Step:
    """The row of the table that a step is, or that a phase is made like."""
    phase = profile.phases.get(name)
    row_name, key = (phase.step, f"phases.{name}.step") if phase else (name, "ladder")
    for row in STEPS:
        if row.name == row_name and (row.made_by or not phase):
            return row
    known = ", ".join(row.name for row in STEPS if row.made_by or not phase)
    raise ProfileError(f"{key}: no step {row_name!r}; the table has {known}, and `phases` may add to it")


def known_steps() -> tuple[str, ...]:
    """Names of the table's rows."""
    return tuple(row.name for row in STEPS)


def maker_label(stage: str) -> str:
    """The step whose versions a stage makes, by which people know its model: `fp8` of `quantize`; else the stage."""
    return next((row.name for row in STEPS if row.made_by == stage), stage)
