"""The whole way: crates, base, SFT, GRPO, FP8, each through its gate, to a served champion."""

import importlib.util
import shutil
import time
from types import ModuleType
from typing import Any

import click

from rustml.errors import EnvironmentFault, GateRefused
from rustml.judge.rust import toolchain
from rustml.profile import Profile
from rustml.release import registry, versions
from rustml.release.gates import Decision, decide
from rustml.release.promotion import thresholds_of
from rustml.release.registry import Step
from rustml.runs import tracking
from rustml.sandbox.bubblewrap import Sandbox
from rustml.serving.engines.vllm import free_port
from rustml.stages import bank, base, children, curate, evaluate, grpo, harvest, pairs, promote, quantize, serve, sft
from rustml.stages.summary import Summary

DISK_BYTES = 2 << 30
"""Free space that a lifecycle of the tiny profile must find; larger profiles fill far more than this check can know."""


class Lifecycle:
    """One walk through the stages, as children of one run."""

    def __init__(self, profile: Profile, parent: str, *, reuse: bool) -> None:
        self.profile, self.parent, self.reuse = profile, parent, reuse
        self.summary = Summary(profile)
        self.data: dict[str, str] = {}

    def stage(self, module: ModuleType, label: str, **inputs: Any) -> tracking.Finished:
        """Take over the finished run of a stage, or run it in a child process."""
        arguments = {**inputs, "parent": self.parent, "reuse": self.reuse}
        click.secho(f"== {label}", bold=True)
        started = time.monotonic()
        try:
            with tracking.only_finding():
                done: tracking.Finished = module.run(self.profile, **arguments)
        except tracking.NotFinished:
            done = children.call(module.__name__, self.profile, arguments)
        click.echo(
            f"   {'reused' if done.reused else 'done'} in {time.monotonic() - started:.1f} s  (run {done.run_id})"
        )
        self.summary.note(label, done)
        return done

    def gate(self, version: str, to: Step, candidate: str, baseline: str) -> None:
        """Promote, or note the refusal and end the lifecycle with it."""
        click.secho(f"== gate {to}", bold=True)
        try:
            done = promote.run(
                self.profile, candidate=version, to=to, evaluation=candidate, baseline=baseline, parent=self.parent
            )
        except GateRefused:
            self.summary.decide(to, version, self._decision(to, candidate, baseline))
            raise
        self.summary.decide(to, version, done.decision)

    def _decision(self, to: Step, candidate: str, baseline: str) -> Decision:
        """The refusal once more, for the report: a decision is a pure function of its evidence."""
        client = tracking.client()
        evidence = [registry.evaluation_of(client, run_id) for run_id in (candidate, baseline)]
        return decide(evidence[0], evidence[1], thresholds_of(self.profile.gates, to))

    def version(self, run_id: str) -> str:
        """The version registered from a run."""
        return versions.ensure(tracking.client(), self.profile.registered_model, run_id)

    def walk(self) -> None:
        """All stages and gates in order. Raises GateRefused at the first gate that does not open."""
        crates = self.stage(harvest, "harvest")
        problems = self.stage(bank, "bank").run_id
        files = self.stage(curate, "curate", harvest=crates.run_id, bank=problems)
        made = self.stage(pairs, "pairs", curate=files.run_id, bank=problems)
        start = self.stage(base, "base", bank=problems, pairs=made.run_id)
        self.data = {"bank": problems, "pairs": made.run_id}
        before = self.evaluated("base", start.run_id)
        tuned = self.stage(sft, "sft", base=start.run_id, bank=problems, pairs=made.run_id)
        first = self.version(tuned.run_id)
        after = self.measured("sft", first, before)
        taught = self.stage(grpo, "grpo", version=first, bank=problems)
        second = self.version(taught.run_id)
        after = self.measured("grpo", second, after)
        small = self.stage(quantize, "quantize", version=second)
        third = self.version(small.run_id)
        after = self.measured("fp8", third, after)
        self.gate(third, "champion", after, before)
        self.stage(serve, "serve", model="champion")

    def measured(self, step: Step, version: str, baseline: str) -> str:
        """Evaluate a version and put it through its gate; the id of the evaluation's run."""
        found = self.evaluated(step, f"{versions.SCHEME}{self.profile.registered_model}/{version}")
        self.gate(version, step, found, baseline)
        return found

    def evaluated(self, label: str, model: str) -> str:
        """Measure a model; the id of the run. With the pairs at hand, items that training saw are found and refused."""
        suites = self.profile.evaluation.lifecycle
        return self.stage(evaluate, f"evaluate {label}", model=model, suites=suites, **self.data).run_id


def preflight(profile: Profile) -> None:
    """Find out in a second what would stop the lifecycle after minutes. Raises EnvironmentFault."""
    toolchain.find()
    Sandbox("bubblewrap")
    free_port(profile.serve)
    if importlib.util.find_spec("vllm") is None:
        raise EnvironmentFault("vllm is not installed, and the last stage needs it: make setup")
    free = shutil.disk_usage(tracking.home()).free
    if free < DISK_BYTES:
        raise EnvironmentFault(f"only {free >> 20} MiB free in {tracking.home()}; a lifecycle needs {DISK_BYTES >> 20}")


def run(profile: Profile, *, reuse: bool = True) -> None:
    """Walk the lifecycle and log its summary, whether or not every gate opens."""
    preflight(profile)
    started = time.monotonic()
    with tracking.plain_run("lifecycle", {"profile": profile.name}) as parent:
        lifecycle = Lifecycle(profile, parent, reuse=reuse)
        try:
            lifecycle.walk()
        finally:
            lifecycle.summary.close(parent, time.monotonic() - started)
