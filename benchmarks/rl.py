"""GRPO, expert iteration and more fine-tuning side by side, from the same version and at an equal budget.

    python -m benchmarks.rl [--seeds 3] [--first 17] [--budget 0] [--equal verdicts] [--repair 0] [--store outputs/rl]
                            [--set "KEY=VALUE ..."] [--start MODEL/VERSION --bank RUN --pairs RUN] [PROFILE]

Each seed walks the profile (a name or a YAML file; by default `tiny`) up to the gate of `sft`, and goes on from that
version in three ways. `--budget` is the number of verdicts of GRPO, in whole steps; 0 takes the profile's own steps.
Expert iteration has as many, or with `--equal time` so many that it takes as long as GRPO, by what a first run of it
took. More fine-tuning judges nothing: its steps take as long as GRPO, by what a step of `sft` took. With `--repair 4`
a fourth arm is GRPO of which each step asks four failed answers again in the place of four problems, and `rust.repair`
is the share of greedy answers that pass at once or after one repair.

With `--start` no seed walks: all go on from that version of the store, which came through the gate of `sft`, by the
problems and pairs of these runs. A step of `sft` is then timed by eight of them. `--set` changes keys of the profile.

The tables show differences in points with paired 95% intervals over the items of all seeds, the wider of bootstrap and
adjusted Wald; what another seed would give is not in them, so the differences of each seed are printed too. An arm that
fails is named with its reason. A killed benchmark goes on where it was: stages in the store are reused.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.store import use_store
from rustml.errors import GateRefused, RustmlError
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import Comparison, compare
from rustml.profile import Profile, load
from rustml.profile.load import changed
from rustml.release.ladder import ladder_of, thresholds_of
from rustml.release.registry import open_registry
from rustml.runs import tracking
from rustml.stages import sft
from rustml.stages.lifecycle import Lifecycle, Measured

STORE = Path("outputs/rl")
START, MORE, REPAIR = "sft", "more", "repair"
ARMS = ("grpo", "expert_iteration", MORE, REPAIR)
TRIAL = 8
"""Steps of `sft` by which one is timed where the start was given."""


@dataclass(frozen=True)
class Plan:
    """What all seeds have in common."""

    profile: str
    settings: str = ""
    """Further keys of the profile, as `--set` takes them."""
    budget: int = 0
    equal: str = "verdicts"
    prompts: int = 0
    """Repairs per step of the fourth arm; 0 leaves it out."""
    start: str = ""
    """MODEL/VERSION that all seeds go on from; empty for one of each seed's own."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Runs of bank and pairs for that start."""

    def load(self, seed: int) -> Profile:
        """The profile with this seed."""
        model = self.start.rpartition("/")[0] or f"rl-{Path(self.profile).stem}-{seed}"
        repaired = ["evaluation.suites.rust.repair=true"] if self.prompts else []
        return load(self.profile, [f"seed={seed}", f"registered_model={model}", *repaired, *self.settings.split()])


@dataclass(frozen=True)
class Arm:
    """What one way from the start came to, with one seed."""

    verdicts: int
    seconds: float
    evaluation: Evaluation


@dataclass
class Seed:
    """The start and the arms of one seed."""

    start: Evaluation
    arms: dict[str, Arm] = field(default_factory=dict)


class Walk(Lifecycle):
    """The lifecycle up to its start, or one step from there; keeps the run of each stage."""

    def __init__(self, profile: Profile, parent: str, inputs: Mapping[str, str] | None = None) -> None:
        super().__init__(profile, parent, reuse=True)
        self.inputs = dict(inputs or {})
        self.runs: dict[str, tracking.Finished] = {}

    def stage(self, module: ModuleType, label: str, **inputs: Any) -> tracking.Finished:
        """See Lifecycle.stage."""
        self.runs[label] = super().stage(module, label, **inputs)
        return self.runs[label]

    def start(self, given: str) -> Measured:
        """The version that came through the gate of `sft`: the one given, else one made here.

        Raises GateRefused where none came through.
        """
        if given:
            version = given.rpartition("/")[2]
            return Measured(version, self.evaluated(START, self.uri(version)))
        base, step = self.prepare(), ladder_of(self.profile).step(START)
        candidate = self.made(step, base)
        self.gate(step, candidate, base)
        return candidate

    def report(self, model: Measured) -> Evaluation:
        """The evaluation of a model."""
        return open_registry(self.profile.registered_model).evaluation(model.evaluation)


def arm(first: Walk, start: Measured, name: str, changes: Mapping[str, Any], verdicts: int) -> tuple[Arm, Walk]:
    """One step from the start, by the profile with `changes`, and its walk."""
    profile = changed(first.profile, {"ladder": [START, name], **changes}, "benchmarks/rl.py")
    walk = Walk(profile, first.parent, first.inputs)
    made = walk.made(ladder_of(profile).step(name), start)
    return Arm(verdicts, walk.runs[name].seconds, walk.report(made)), walk


def grpo(first: Walk, start: Measured, budget: int) -> Arm:
    """GRPO for as many whole steps as the budget has verdicts for."""
    section = first.profile.grpo
    per_step = section.prompts_per_step * section.generations
    steps = max(1, budget // per_step) if budget else section.steps
    if steps is None:
        raise RustmlError("grpo.epochs says no number of steps: give --budget")
    return arm(first, start, "grpo", {"grpo.steps": steps}, steps * per_step)[0]


def repair(first: Walk, start: Measured, rival: Arm, prompts: int) -> Arm:
    """The GRPO of the rival, with as many verdicts, of which some are on answers to failed answers."""
    section = first.profile.grpo
    steps = rival.verdicts // (section.prompts_per_step * section.generations)
    changes = {"grpo.steps": steps, "grpo.repair.prompts": prompts}
    phases = {REPAIR: {"step": "grpo", "changes": changes}}
    return arm(first, start, REPAIR, {"phases": phases}, rival.verdicts)[0]


def expert_iteration(first: Walk, start: Measured, rival: Arm, equal: str) -> Arm:
    """Expert iteration with as many verdicts as its rival, or for as long."""
    section = first.profile.expert_iteration
    per_problem = section.rounds * section.samples

    def with_problems(count: int) -> Arm:
        changes = {"expert_iteration.problems": max(1, count)}
        made, walk = arm(first, start, "expert_iteration", changes, 0)
        answers = walk.runs["expert_iteration"].metrics["expert_iteration.answers"]
        return Arm(round(answers) * section.rounds, made.seconds, made.evaluation)

    made = with_problems(rival.verdicts // per_problem)
    return (
        made
        if equal == "verdicts"
        else with_problems(round(made.verdicts / per_problem * rival.seconds / made.seconds))
    )


def more(first: Walk, start: Measured, rival: Arm) -> Arm:
    """The fine-tuning of the profile once more, for as long as its rival took."""
    changes = {"sft.steps": max(1, round(rival.seconds / step_seconds(first, start)))}
    return arm(first, start, MORE, {"phases": {MORE: {"step": START, "changes": changes}}}, 0)[0]


def step_seconds(first: Walk, start: Measured) -> float:
    """What a step of `sft` takes: by the start's own training, else by a short one."""
    steps = first.profile.sft.steps
    if steps is None:
        raise RustmlError("sft.epochs says no number of steps: set sft.steps in the profile")
    if START in first.runs:
        return first.runs[START].seconds / steps
    phases = {MORE: {"step": START, "changes": {"sft.steps": TRIAL}}}
    profile = changed(first.profile, {"ladder": [START, MORE], "phases": phases}, "benchmarks/rl.py")
    walk = Walk(profile, first.parent, first.inputs)
    return walk.stage(sft, "trial", **walk.inputs, version=start.version, step=MORE).seconds / TRIAL


def one_seed(plan: Plan, number: int) -> Seed:
    """All arms with one seed; one that fails is left out, with its reason printed."""
    profile = plan.load(number)
    with tracking.plain_run("rl", {"profile": profile.name, "seed": number}) as parent:
        first = Walk(profile, parent, plan.inputs)
        start = first.start(plan.start)
        seed = Seed(first.report(start))
        seed.arms["grpo"] = rival = grpo(first, start, plan.budget)
        for label, make in (
            ("expert_iteration", lambda: expert_iteration(first, start, rival, plan.equal)),
            (MORE, lambda: more(first, start, rival)),
            *([(REPAIR, lambda: repair(first, start, rival, plan.prompts))] if plan.prompts else []),
        ):
            try:
                seed.arms[label] = make()
            except RustmlError as error:
                click.echo(f"{label}, seed {number}: failed: {error}")
    return seed


def measures(profile: Profile, evaluation: Evaluation) -> list[str]:
    """What the gate of GRPO asks for, and what passes in each suite, retention among them."""
    thresholds = thresholds_of(profile, "grpo")
    passed = [f"{suite}.pass" for suite in evaluation.suites]
    repaired = [f"{name}.repair" for name in evaluation.suites if profile.evaluation.suites[name].repair]
    return list(dict.fromkeys([*thresholds.rise, *thresholds.hold, *passed, *repaired]))


def paired(sides: Mapping[str, tuple[Evaluation, Evaluation]], measure: str) -> Comparison:
    """The second evaluation of each seed against its first, items of all seeds together."""
    suite, _, metric = measure.partition(".")
    strata = {}
    for seed, (before, after) in sides.items():
        ours, theirs = (side.suites[suite].sample_values(metric) for side in (after, before))
        items = sorted(theirs)
        strata[seed] = ([theirs[item] for item in items], [ours[item] for item in items])
    return compare(strata, confidence=0.95, resamples=10_000, seed=17)


def points(comparison: Comparison) -> str:
    """The difference and its interval, in points."""
    high = max(comparison.bootstrap.high, comparison.adjusted.high)
    return f"{100 * comparison.delta:+.1f} [{100 * comparison.low:+.1f}, {100 * high:+.1f}]"


def report(seeds: Mapping[int, Seed], names: Sequence[str]) -> None:
    """Print each seed's differences, and one table: arms against the start, then against each other."""
    table = Table("", "seeds", "verdicts", "seconds", *names, title="differences in points, paired 95% intervals")
    for name in ARMS:
        sides = {str(n): (seed.start, seed.arms[name].evaluation) for n, seed in seeds.items() if name in seed.arms}
        if sides:
            arms = [seed.arms[name] for seed in seeds.values() if name in seed.arms]
            mean = (sum(each.verdicts for each in arms) / len(arms), sum(each.seconds for each in arms) / len(arms))
            cells = [points(paired(sides, measure)) for measure in names]
            table.add_row(f"{name} - start", str(len(sides)), f"{mean[0]:.0f}", f"{mean[1]:.0f}", *cells)
            for number, side in sides.items():
                told = ", ".join(f"{m} {100 * paired({number: side}, m).delta:+.1f}" for m in names)
                click.echo(f"{name}, seed {number}: {told}")
    for one, other in itertools.combinations(ARMS, 2):
        sides = {
            str(n): (seed.arms[one].evaluation, seed.arms[other].evaluation)
            for n, seed in seeds.items()
            if {one, other} <= seed.arms.keys()
        }
        if sides:
            table.add_row(f"{other} - {one}", str(len(sides)), "", "", *(points(paired(sides, m)) for m in names))
    Console(width=140).print(table)


def planned() -> tuple[Plan, range, Path]:
    """What is asked for: the plan, the seeds and the store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", nargs="?", default="tiny", metavar="PROFILE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=17)
    parser.add_argument("--budget", type=int, default=0)
    parser.add_argument("--equal", choices=["verdicts", "time"], default="verdicts")
    parser.add_argument("--repair", type=int, default=0, metavar="PROMPTS")
    parser.add_argument("--set", default="", metavar="KEY=VALUE", help="changes of the profile, separated by blanks")
    parser.add_argument("--start", default="", metavar="MODEL/VERSION")
    parser.add_argument("--bank", default="", metavar="RUN")
    parser.add_argument("--pairs", default="", metavar="RUN")
    parser.add_argument("--store", type=Path, default=STORE)
    options = parser.parse_args()
    inputs = {"bank": options.bank, "pairs": options.pairs} if options.start else {}
    if not all(inputs.values()):
        parser.error("--start needs --bank and --pairs: the runs that the version was trained on")
    plan = Plan(options.profile, options.set, options.budget, options.equal, options.repair, options.start, inputs)
    return plan, range(options.first, options.first + options.seeds), options.store


def main() -> None:
    """Run what is asked for and print the table."""
    plan, numbers, store = planned()
    use_store(store)
    seeds: dict[int, Seed] = {}
    for number in numbers:
        try:
            seeds[number] = one_seed(plan, number)
        except GateRefused as error:
            click.echo(f"seed {number} has no start: {error}")
    if seeds:
        report(seeds, measures(plan.load(numbers.start), next(iter(seeds.values())).start))


if __name__ == "__main__":
    main()
