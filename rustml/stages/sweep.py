"""Train with several settings, each over several seeds, and rank them: runs below one run, which can be repeated."""

import hashlib
import json
import math
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from rustml.errors import EvidenceError, InputError, RustmlError
from rustml.profile import Profile, load
from rustml.profile.layers import DEFAULTS, FOLDER, PRESETS, chain, path_of
from rustml.runs import tracking
from rustml.stages import children
from rustml.stages import trial as trial_stage
from rustml.training.search import report
from rustml.training.search.proposals import proposals, settings_of
from rustml.training.search.ranking import DONE, FAILED, PRUNED, Trial, is_worse, ranked
from rustml.training.search.space import PRESET, Setting, parse

READ = ("sft.", "compute.", "launch.")
"""Keys that change a training on inputs that are given."""


@dataclass(frozen=True)
class Plan:
    """What a sweep is asked to do."""

    profile: str
    """As on the command line: a name, or the path of a file."""
    overrides: tuple[str, ...]
    """Of every trial."""
    grid: str
    """The space, as rustml/training/search/space.py reads it."""
    trials: int = 0
    """Trials to draw; 0 tries every combination."""
    seeds: tuple[int, ...] = ()
    """None: the profile's seed."""
    metric: str = "sft.validation.loss"
    maximise: bool = False
    trial_seconds: float = 0.0
    """Limit of one training; 0 sets none."""
    prune: float = 0.05
    """Level of the test by which a setting's remaining seeds are left out; 0 leaves none out."""

    def loaded(self, setting: Setting, seed: int | None = None) -> Profile:
        """The profile of a trial. Raises ProfileError for a setting that it refuses."""
        own = () if seed is None else (f"seed={seed}",)
        return load(self.profile, (*self.overrides, *setting, *own))


def run(plan: Plan, *, base: str, bank: str, pairs: str, dry_run: bool = False) -> list[Trial]:
    """Try the settings, and log their ranking to a run of the sweep's own; the trials, the best first.

    The same sweep again takes over the trainings that are finished. A trial that fails or takes too long is recorded
    and passed over. Raises InputError or ProfileError, before the first training, for a setting that cannot be, and
    RustmlError where no trial came to a result.
    """
    space = parse(plan.grid, _presets(plan.profile))
    _refuse_unread([*space.choices, *space.ranges])
    listed = settings_of(space, plan.trials)
    profiles = [plan.loaded(setting) for setting in listed]
    seeds = plan.seeds or (profiles[0].seed,)
    if dry_run:
        _show(plan, listed, seeds)
        return []
    inputs = {"base": base, "bank": bank, "pairs": pairs}
    identity = (plan.profile, plan.overrides, plan.grid, plan.metric, [*map(tracking.output_digest, inputs.values())])
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    file = tracking.home() / "outputs" / "sweeps" / f"{name}.db"
    source = proposals(space, plan.trials, file, profiles[0].seed, maximise=plan.maximise)
    with tracking.plain_run("sweep", {"profile": profiles[0].name, "sweep": plan.grid}) as parent:
        sweep = Sweep(plan, seeds, inputs, parent)
        try:
            for setting in source:
                source.tell(sweep.measured(setting))
        finally:
            sweep.log_ranking()
    if not any(trial.scores for trial in sweep.trials):
        raise RustmlError(f"no trial came to a result; the first one: {sweep.trials[0].reason}")
    return ranked(sweep.trials, maximise=plan.maximise)


class Sweep:
    """The trials of one sweep, as children of one run."""

    def __init__(self, plan: Plan, seeds: Sequence[int], inputs: dict[str, str], parent: str) -> None:
        self._plan, self._seeds, self._inputs, self._parent = plan, seeds, inputs, parent
        self.trials: list[Trial] = []

    def measured(self, setting: Setting) -> float | None:
        """Train with the setting once per seed; the mean of the results, None where there is none."""
        trial = Trial(len(self.trials) + 1, setting, {}, {})
        self.trials.append(trial)
        click.secho(f"== trial {trial.number}: {' '.join(setting)}", bold=True)
        for seed in self._seeds:
            if self._is_hopeless(trial):
                trial.status, trial.reason = PRUNED, f"worse than the best trial after {len(trial.scores)} seeds"
                break
            try:
                self._train(trial, seed)
            except Exception as error:  # a trial that fails says nothing about the others
                trial.status, trial.reason = FAILED, f"seed {seed}: {str(error).strip().splitlines()[-1]}"
                click.echo(f"   {trial.reason}", err=True)
                break
        self._log(trial)
        return None if trial.status == FAILED else trial.mean

    def log_ranking(self) -> None:
        """Log what there is, also of a sweep that was interrupted."""
        order = ranked(self.trials, maximise=self._plan.maximise)
        best = order[0] if order and order[0].scores else None
        with tempfile.TemporaryDirectory() as folder:
            report.write(order, self._plan.metric, self._command(best) if best else "", Path(folder))
            tracking.client().log_artifacts(self._parent, folder)
        click.echo(report.table(order, self._plan.metric))
        if best:
            click.echo(f"the best one again, with a registered version:\n  {self._command(best)}")

    def _train(self, trial: Trial, seed: int) -> None:
        profile = self._plan.loaded(trial.setting, seed)
        arguments = {**self._inputs, "parent": self._parent}
        started = time.monotonic()
        try:
            with tracking.only_finding():
                finished = trial_stage.run(profile, **arguments)
        except tracking.NotFinished:
            finished = children.call(trial_stage.__name__, profile, arguments, seconds=self._plan.trial_seconds or None)
        trial.runs[seed] = finished.run_id
        score = finished.metrics.get(self._plan.metric, math.nan)
        if not math.isfinite(score):
            known = ", ".join(sorted(name for name in finished.metrics if name.startswith("sft.")))
            raise EvidenceError(f"the run has no finite metric {self._plan.metric}; it has {known}")
        trial.scores[seed] = score
        click.echo(f"   seed {seed}: {self._plan.metric} {score:.4g} in {time.monotonic() - started:.1f} s")

    def _is_hopeless(self, trial: Trial) -> bool:
        others = [other for other in self.trials if other is not trial and other.status == DONE and other.scores]
        if not others:
            return False
        maximise = self._plan.maximise
        best = ranked(others, maximise=maximise)[0]
        return is_worse([*trial.scores.values()], [*best.scores.values()], self._plan.prune, maximise=maximise)

    def _log(self, trial: Trial) -> None:
        if trial.scores:
            tracking.client().log_metric(self._parent, "sweep.mean", trial.mean, step=trial.number)
        words = json.dumps({"setting": trial.setting, "status": trial.status, "reason": trial.reason})
        tracking.client().set_tag(self._parent, f"rustml.trial.{trial.number}", words)

    def _command(self, trial: Trial) -> str:
        """The command that makes a version of a trial's first training: it is found, and not trained again."""
        words = (*self._plan.overrides, *trial.setting, f"seed={next(iter(trial.scores))}")
        parameters = {"profile": self._plan.profile, "set": shlex.join(words), **self._inputs}
        return " ".join(["mlflow run . -e sft", *(f"-P {key}={shlex.quote(v)}" for key, v in parameters.items())])


def _refuse_unread(keys: Sequence[str]) -> None:
    """Raise InputError for a key that no training on given inputs reads: each of its values would train the same."""
    for key in keys:
        if key != PRESET and not key.startswith(READ):
            raise InputError(f"grid: {key} changes nothing in sft, whose inputs are given; keys start with sft.")


def _presets(profile: str) -> list[str]:
    """Presets of the profile's own files; those of the defaults are for any profile."""
    layers = chain(path_of(profile, FOLDER))
    return [name for path, tree in layers if path.resolve() != DEFAULTS for name in tree.get(PRESETS, {})]


def _show(plan: Plan, settings: Sequence[Setting], seeds: Sequence[int]) -> None:
    drawn = (
        f"{plan.trials} trials drawn by Optuna; at the bounds of the ranges:" if plan.trials else "every combination:"
    )
    click.echo(f"{drawn}")
    for number, setting in enumerate(settings, start=1):
        click.echo(f"  {number}  {shlex.join(setting)}")
    trials = plan.trials or len(settings)
    click.echo(f"{trials} trials over seeds {', '.join(map(str, seeds))}: {trials * len(seeds)} trainings at most")
