"""The whole way: crates, the base model, each step of the ladder through its gate, to a served champion."""

import importlib
import inspect
import shutil
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import click

from rustml.corpus.harvest import check as check_sources
from rustml.errors import EnvironmentFault, GateRefused, ProfileError, RustmlError
from rustml.generation import served
from rustml.judge.rust import toolchain
from rustml.profile import Profile
from rustml.release import power, versions
from rustml.release.gated_metrics import check_ladder_and_gates
from rustml.release.gates import Decision, decide
from rustml.release.ladder import Step, ladder_of, profile_of, thresholds_of
from rustml.release.registry import open_registry
from rustml.runs import tracking
from rustml.sandbox.sandbox import open_sandbox
from rustml.serving.engines import ENGINES
from rustml.serving.listener import listen
from rustml.stages import bank, base, children, curate, evaluate, harvest, pairs, promote, serve
from rustml.stages.summary import BASE, Summary, evaluation_label, shown_label

DISK_BYTES = 2 << 30
"""Free space for everything but checkpoints of a local base: corpus, banks, caches, and a base made from scratch."""


@dataclass(frozen=True)
class Measured:
    """A model on the ladder and its evaluation."""

    version: str
    """Its number in the registry; empty for the base model."""
    evaluation: str
    """Run of its evaluation."""


class Lifecycle:
    """One walk through the stages, as children of one run."""

    def __init__(self, profile: Profile, parent: str, *, reuse: bool) -> None:
        self.profile, self.parent, self.reuse = profile, parent, reuse
        self.summary = Summary(profile)
        self.inputs: dict[str, str] = {}
        """Run ids by the name under which stages take them: `bank`, `pairs`, `base`."""

    def walk(self) -> None:
        """Data, the base model, each step of the ladder through its gate, a server.

        Raises GateRefused at the first gate that does not open.
        """
        base_model = self.prepare()
        model, versions_made = base_model, {}
        for step in ladder_of(self.profile):
            candidate = self.made(step, model) if step.made_by else model
            self.gate(step, candidate, base_model if step.compared_with == "base" else model)
            if step.made_by:
                versions_made[step.name] = candidate.version
            model = candidate
        self.serve(step)
        self.show(versions_made)

    def serve(self, step: Step) -> None:
        """Ask a server of the last step's model for answers."""
        self.stage(serve, "serve", model=step.name)

    def show(self, versions_made: dict[str, str]) -> None:
        """Measure what is only shown, of the first version and the last. What fails in it is told, and ends nothing."""
        suites, names = self.profile.evaluation.shown, list(versions_made)
        for name in dict.fromkeys((*names[:1], *names[-1:])) if suites else ():
            label, started = shown_label(name), time.monotonic()
            try:
                self.measured(label, self.uri(versions_made[name]), suites)
            except RustmlError as error:
                click.secho(f"   WARNING: {', '.join(suites)} not measured, which no gate needs: {error}", fg="yellow")
                self.summary.left_out(label, self.parent, str(error), time.monotonic() - started)

    def uri(self, version: str) -> str:
        """The name of a registered version."""
        return f"{versions.SCHEME}{self.profile.registered_model}/{version}"

    def prepare(self) -> Measured:
        """Crates, problems, pairs and the base model, measured."""
        crates = self.stage(harvest, "harvest")
        self.inputs["bank"] = self.stage(bank, "bank").run_id
        files = self.stage(curate, "curate", harvest=crates.run_id, bank=self.inputs["bank"])
        self.inputs["pairs"] = self.stage(pairs, "pairs", curate=files.run_id, bank=self.inputs["bank"]).run_id
        start = self.stage(base, BASE, **self.inputs).run_id
        evaluation = self.evaluated(BASE, start)
        self.inputs["base"] = start
        return Measured("", evaluation)

    def made(self, step: Step, model: Measured) -> Measured:
        """Make the step's version from the model before it, and measure it.

        A stage that makes versions takes what its `run` names of `base`, `bank`, `pairs`, `version` and `step`.
        """
        module = importlib.import_module(f"rustml.stages.{step.made_by}")
        offered = {**self.inputs, "version": model.version, "step": step.name}
        named = inspect.signature(module.run).parameters
        self.announce(step, model)
        run = self.stage(module, step.name, **{name: offered[name] for name in offered if name in named})
        version = versions.ensure(self.profile.registered_model, run.run_id)
        return Measured(version, self.evaluated(step.name, self.uri(version)))

    def announce(self, step: Step, model: Measured) -> None:
        """Say what the step's gate can certify, before the step costs anything."""
        sizes = power.sizes_of(open_registry(self.profile.registered_model).evaluation(model.evaluation))
        power.check_possible(self.profile, sizes)
        click.echo(f"   {power.told(step.name, sizes, thresholds_of(self.profile, step.name))}")

    def evaluated(self, name: str, model: str) -> str:
        """Measure a model on the suites of every step; the id of the run."""
        return self.measured(evaluation_label(name), model, self.profile.evaluation.lifecycle)

    def measured(self, label: str, model: str, suites: tuple[str, ...]) -> str:
        """Measure a model; the id of the run. Given the pairs, it finds items that training saw and gates refuse."""
        data = {name: self.inputs[name] for name in ("bank", "pairs")}
        return self.stage(evaluate, label, model=model, suites=suites, **data).run_id

    def gate(self, step: Step, candidate: Measured, baseline: Measured) -> None:
        """Promote, or note the refusal and end the lifecycle with it."""
        click.secho(f"== gate {step.name}", bold=True)
        runs, started = {"evaluation": candidate.evaluation, "baseline": baseline.evaluation}, time.monotonic()
        try:
            promotion_run = promote.run(
                self.profile, candidate=candidate.version, to=step.name, parent=self.parent, **runs
            )
        except GateRefused as error:
            self.summary.refused(step.name, candidate.version, str(error), time.monotonic() - started)
            decision = self._decision(step, candidate, baseline)
            if not decision.passed:  # else its server answered too badly, which the error tells
                self.summary.decide(step.name, candidate.version, decision)
            raise
        override = "" if promotion_run.decision.passed else promotion_run.override
        self.summary.passed(step.name, candidate.version, override, time.monotonic() - started)
        self.summary.decide(step.name, candidate.version, promotion_run.decision, override)

    def _decision(self, step: Step, candidate: Measured, baseline: Measured) -> Decision:
        """The refusal once more, for the report: a decision is a pure function of its evidence."""
        registry = open_registry(self.profile.registered_model)
        reports = [registry.evaluation(model.evaluation) for model in (candidate, baseline)]
        return decide(reports[0], reports[1], thresholds_of(self.profile, step.name))

    def stage(self, module: ModuleType, label: str, **inputs: Any) -> tracking.Finished:
        """Take over the finished run of a stage, or run it in a child process."""
        arguments = {**inputs, "parent": self.parent, "reuse": self.reuse}
        click.secho(f"== {label}", bold=True)
        started = time.monotonic()
        try:
            with tracking.only_finding():
                run: tracking.Finished = module.run(self.profile, **arguments)
        except tracking.NotFinished:
            run = children.call(module.__name__, self.profile, arguments)
        waited = time.monotonic() - started
        click.echo(f"   {'reused' if run.reused else 'done'} in {waited:.1f} s  (run {run.run_id})")
        self.summary.note(label, run, waited)
        return run


def preflight(profile: Profile) -> None:
    """Find out in a second what would stop the lifecycle after minutes.

    Raises ProfileError for a ladder or gates that do not fit, EnvironmentFault for what the machine lacks, InputError
    for a missing file that the profile names.
    """
    check_ladder_and_gates(profile, profile.evaluation.lifecycle)
    power.check_possible(profile, power.planned_sizes(profile))
    if profile.evaluation.engine == served.SCHEME:
        raise ProfileError(
            "evaluation.engine: openai measures a model behind a server, and a lifecycle measures checkpoints: set "
            "transformers or vllm, and compare with `evaluate -P model=openai`"
        )
    for stage in (harvest.STAGE, bank.STAGE, pairs.STAGE, base.STAGE, evaluate.STAGE):
        stage.contents(profile)
    check_trainings(profile)
    check_sources(profile.harvest)
    toolchain.find()
    for name in profile.evaluation.lifecycle or tuple(profile.evaluation.suites):
        toolchain.find(profile.evaluation.suites[name].toolchain)
    open_sandbox(profile.judge.sandbox)
    listen(profile.serve).close()
    ENGINES[profile.serve.engine].check_installed()
    free, needed = shutil.disk_usage(tracking.home()).free, disk_bytes(profile)
    if free < needed:
        raise EnvironmentFault(f"only {free >> 20} MiB free in {tracking.home()}; a lifecycle needs {needed >> 20}")


def check_trainings(profile: Profile) -> None:
    """Refuse what the base or a step of the ladder cannot train, before the first stage.

    Raises InputError and EnvironmentFault, each with the key to change.
    """
    base.check(profile)
    for step in ladder_of(profile).making:
        module = importlib.import_module(f"rustml.stages.{step.made_by}")
        if hasattr(module, "check"):
            module.check(profile_of(profile, step.name))


def disk_bytes(profile: Profile) -> int:
    """Free space that a lifecycle needs: of a local base a copy, one per version made of it, and one in work.

    The size of a base on a hub is not known before it is there, and does not count.
    """
    checkpoint = base.local_bytes(profile)
    return DISK_BYTES + (len(ladder_of(profile).making) + 2) * checkpoint


def run(profile: Profile, *, reuse: bool = True) -> None:
    """Walk the lifecycle and log its summary, whether or not every gate opens."""
    preflight(profile)
    started = time.monotonic()
    title = f"lifecycle {profile.name}, seed {profile.seed}"
    with tracking.plain_run("lifecycle", {"profile": profile.name}, title=title) as parent:
        lifecycle = Lifecycle(profile, parent, reuse=reuse)
        try:
            lifecycle.walk()
        finally:
            lifecycle.summary.close(parent, time.monotonic() - started)
