"""What a lifecycle leaves for its reader: the table of models, the decisions, where to look next."""

import tempfile
from pathlib import Path

import click
from mlflow.exceptions import MlflowException
from rich.console import Console
from rich.table import Table

from rustml.profile import Profile
from rustml.release import registry, report
from rustml.release.gates import Decision
from rustml.release.registry import Step
from rustml.runs import tracking

MODELS = ("base", "sft", "grpo", "fp8")
MAKERS = {"fp8": "quantize"}
"""The stage that makes a model, where it has another name."""
COLUMNS = {
    "format": "rust.format_rate",
    "compile": "rust.compile_rate",
    "pass": "rust.pass_rate",
    "clippy": "rust.clippy_clean_rate",
    "pass T=1": "rust.sampled_pass_at_1",
    "Python": "retention.python.pass_at_1",
}


class Summary:
    """Collects what the stages and gates said."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._stages: dict[str, tracking.Finished] = {}
        self._decisions: dict[Step, tuple[str, Decision]] = {}

    def note(self, label: str, done: tracking.Finished) -> None:
        """Keep a finished stage."""
        self._stages[label] = done

    def decide(self, to: Step, version: str, decision: Decision) -> None:
        """Keep and print a decision."""
        self._decisions[to] = (version, decision)
        word, colour = ("is", "green") if decision.passed else ("is NOT", "red")
        click.secho(f"   version {version} {word} promoted to {to}", fg=colour)
        for reason in decision.reasons:
            click.echo(f"   {reason}")

    def close(self, run_id: str, seconds: float) -> None:
        """Print the table; log it as a page, as JSON and as metrics of the lifecycle's run."""
        client, models = tracking.client(), self._models()
        for model in models:
            for name, value in model.evaluation.metrics().items():
                client.log_metric(run_id, f"{model.name}.{name}", value)
        client.log_metric(run_id, "lifecycle.seconds", seconds)
        if models:
            with tempfile.TemporaryDirectory() as folder:
                report.write(models, Path(folder))
                client.log_artifacts(run_id, folder, "report")
        self._print(models, seconds)

    def _models(self) -> list[report.Stage]:
        return [self._model(name) for name in MODELS if f"evaluate {name}" in self._stages]

    def _model(self, name: str) -> report.Stage:
        measured, maker = self._stages[f"evaluate {name}"], MAKERS.get(name, name)
        decided = next(((version, found) for step, (version, found) in self._decisions.items() if step == name), None)
        return report.Stage(
            name=name,
            evaluation=registry.evaluation_of(tracking.client(), measured.run_id),
            seconds=self._stages[maker].seconds + measured.seconds,
            decision=decided[1] if decided else None,
            version=decided[0] if decided else "",
            champion=self._champion(decided[0]) if decided else None,
        )

    def _champion(self, version: str) -> Decision | None:
        candidate, decision = self._decisions.get("champion", ("", None))
        return decision if candidate == version else None

    def _print(self, models: list[report.Stage], seconds: float) -> None:
        table = Table(title=f"{self._profile.name}: {seconds:.0f} s, seed {self._profile.seed}")
        for name in ("model", *COLUMNS, "gate", "seconds"):
            table.add_column(name, justify="left" if name in ("model", "gate") else "right")
        for model in models:
            metrics = model.evaluation.metrics()
            shares = [f"{100 * metrics[metric]:.1f}%" if metric in metrics else "" for metric in COLUMNS.values()]
            table.add_row(model.name, *shares, report.verdict(model), f"{model.seconds:.0f}")
        Console(width=100).print(table)
        champion = self._decisions.get("champion")
        if champion is not None:
            click.echo(f"champion: version {champion[0]} {'passed' if champion[1].passed else 'refused'}")
        click.echo(f"aliases of {self._profile.registered_model}: {self._aliases()}")
        click.echo(f"look at it: mlflow ui --backend-store-uri {tracking.public_uri()}")

    def _aliases(self) -> str:
        try:
            aliases = tracking.client().get_registered_model(self._profile.registered_model).aliases
        except MlflowException:
            return "none yet"
        return ", ".join(f"{alias} -> version {version}" for alias, version in sorted(aliases.items())) or "none"
