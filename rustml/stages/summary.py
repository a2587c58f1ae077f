"""What a lifecycle leaves for its reader: the table of models, the decisions, where to look next."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile import Profile
from rustml.release import report, steps
from rustml.release.gates import Decision
from rustml.release.ladder import ladder_of
from rustml.release.registry import gate_tag, open_registry, refused_tag
from rustml.release.suite_columns import captions_of, columns_of
from rustml.runs import tracking
from rustml.runs.saved_views import save_view

BASE = "base"
WIDTH = 120
TRAINING_VIEW = "workflowType=machine_learning"
"""MLflow 3.17's pages open in the view of GenAI applications, even for an experiment of another kind, but for this."""
EVALUATIONS, LIFECYCLES = "rustmlevaluations", "rustmllifecycles"
"""Keys of saved views."""


class Summary:
    """Collects the results of stages and gates."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._registry = open_registry(profile.registered_model)
        self._ladder = ladder_of(profile)
        self._stages: dict[str, tracking.Finished] = {}
        self._decisions: dict[str, tuple[str, Decision]] = {}
        self._overrides: dict[str, str] = {}
        self._walked: list[steps.Walked] = []

    def note(self, label: str, done: tracking.Finished, waited: float) -> None:
        """Keep a finished stage, for which the lifecycle waited so many seconds."""
        self._stages[label] = done
        self._walked.append(steps.Walked(label, done.run_id, "reused" if done.reused else "done", waited))

    def passed(self, to: str, version: str, override: str, waited: float) -> None:
        """Keep the gate that let a version through, by itself or overridden by a person with a reason."""
        run = self._registry.version(version).tags[gate_tag(to, "run")]
        outcome = "overridden" if override else "passed"
        self._walked.append(steps.Walked(f"gate {to}", run, outcome, waited, override))

    def refused(self, to: str, version: str, reason: str, waited: float) -> None:
        """Keep the gate that did not open."""
        run = self._registry.version(version).tags.get(refused_tag(to, "run"), "")
        if run:  # an account that may not write to the registry leaves no tag there
            self._walked.append(steps.Walked(f"gate {to}", run, "refused", waited, reason))

    def left_out(self, label: str, parent: str, reason: str, waited: float) -> None:
        """Keep an evaluation that failed and that nothing needs."""
        run = steps.newest_failed(parent)
        if run:
            self._walked.append(steps.Walked(label, run, steps.LEFT_OUT, waited, reason))

    def decide(self, to: str, version: str, decision: Decision, override: str = "") -> None:
        """Keep and print a decision, with the reason where a person overrode it."""
        self._decisions[to] = (version, decision)
        self._overrides[to] = override
        word, colour = ("is", "green") if decision.passed else ("is NOT", "red")
        if override:
            word, colour = f"is OVERRIDDEN ({override}) and", "yellow"
        click.secho(f"   version {version} {word} promoted to {to}", fg=colour)
        for reason in decision.reasons:
            click.echo(f"   {reason}")

    def close(self, run_id: str, seconds: float) -> None:
        """Print the table; log it as a page, as JSON and as metrics of the lifecycle's run."""
        client, models = tracking.client(), self._models()
        for table in _tables(models):
            headline = set(columns_of(table.values()).values())
            for name, evaluation in table.items():
                for metric, value in evaluation.metrics().items():
                    if metric in headline:
                        client.log_metric(run_id, f"{name}.{metric}", value)
        client.log_metric(run_id, "lifecycle.seconds", seconds)
        self._save_views(models)
        client.set_tag(run_id, "mlflow.note.content", self._note(models))
        with tempfile.TemporaryDirectory() as folder:
            report.write(models, steps.rows(run_id, self._walked), Path(folder))
            client.log_artifacts(run_id, folder, "report")
        self._print(models, seconds)

    def _save_views(self, models: list[report.ModelRow]) -> None:
        """Views of the list of runs: evaluations with the table's columns, lifecycles with those of the last model."""
        columns = list(columns_of(model.evaluation for model in models).values())
        if columns:
            leading = next((name for name in columns if name.endswith("pass_rate")), columns[0])
            save_view(EVALUATIONS, "Evaluations", "evaluate", columns, by=leading)
            of_last = [f"{models[-1].name}.{name}" for name in columns]
            save_view(LIFECYCLES, "Lifecycles", "lifecycle", of_last, by=f"{models[-1].name}.{leading}")

    def _note(self, models: list[report.ModelRow]) -> str:
        """The table for the run's page, and where its versions are."""
        first, shown = _tables(models)
        rows = _markdown(first, {model.name: {"gate": report.verdict(model)} for model in models} or {"": {"gate": ""}})
        rows += ["", *_markdown(shown, {})] if shown else []
        model_page = f"[{self._profile.registered_model}](#/models/{self._profile.registered_model})"
        where = f"Versions: {model_page}. Everything else is in `report/{report.PAGE}` and in the child runs."
        return "\n".join([*rows, "", where])

    def _models(self) -> list[report.ModelRow]:
        names = (BASE, *(step.name for step in self._ladder.making))
        return [self._model(name) for name in names if evaluation_label(name) in self._stages]

    def _model(self, name: str) -> report.ModelRow:
        measured = self._stages[evaluation_label(name)]
        version, decision = self._decisions.get(name, ("", None))
        shown = shown_label(name)
        return report.ModelRow(
            name=name,
            evaluation=self._registry.evaluation(measured.run_id),
            seconds=self._stages[name].seconds + measured.seconds,
            decision=decision,
            override=self._overrides.get(name, ""),
            version=version,
            later=self._later(version),
            shown=self._registry.evaluation(self._stages[shown].run_id) if shown in self._stages else None,
        )

    def _later(self, version: str) -> dict[str, Decision]:
        """Decisions on a version at steps that make none."""
        steps = [step.name for step in self._ladder if not step.made_by and step.name in self._decisions]
        return {step: self._decisions[step][1] for step in steps if self._decisions[step][0] == version != ""}

    def _print(self, models: list[report.ModelRow], seconds: float) -> None:
        more = {model.name: {"gate": report.verdict(model), "seconds": f"{model.seconds:.0f}"} for model in models}
        first, shown = _tables(models)
        _print_table(f"{self._profile.name}: {seconds:.0f} s, seed {self._profile.seed}", first, more)
        if shown:
            _print_table("measured beside, for no gate", shown, {})
        for step, decision in [later for model in models for later in model.later.items()]:
            version = self._decisions[step][0]
            refusal = "overridden" if self._overrides.get(step) else "refused"
            click.echo(f"{step}: version {version} {'passed' if decision.passed else refusal}")
        aliases = [f"{alias} -> version {version}" for alias, version in self._registry.aliases().items()]
        click.echo(f"aliases of {self._profile.registered_model}: {', '.join(aliases) or 'none yet'}")
        click.echo(f"look at it: mlflow ui --backend-store-uri {tracking.public_uri()}")
        page = f"http://127.0.0.1:5000/#/experiments/{tracking.experiment()}/runs?{TRAINING_VIEW}"
        click.echo(f"            {page}&viewStateShareKey={EVALUATIONS}")


def _tables(models: Sequence[report.ModelRow]) -> tuple[dict[str, Evaluation], dict[str, Evaluation]]:
    """By model, the evaluations that gates read, and those that are only shown."""
    shown = {model.name: model.shown for model in models if model.shown is not None}
    return {model.name: model.evaluation for model in models}, shown


def _headers(columns: Iterable[str], more: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Of a table: the model, its suites' columns, `more` columns by model."""
    return ["model", *columns, *next(iter(more.values()), {})]


def _markdown(evaluations: Mapping[str, Evaluation], more: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The lines of a table of models, and below it what its columns mean."""
    columns = columns_of(evaluations.values())
    headers = _headers(columns, more)
    lines = [f"| {' | '.join(headers)} |", "|---" * len(headers) + "|"]
    for name, evaluation in evaluations.items():
        lines.append(f"| {' | '.join([name, *_shares(evaluation, columns), *more.get(name, {}).values()])} |")
    return [*lines, *(line for caption in captions_of(evaluations.values()) for line in ("", caption))]


def _print_table(title: str, evaluations: Mapping[str, Evaluation], more: Mapping[str, Mapping[str, str]]) -> None:
    """Print models against the columns of their suites and `more` columns, then what the columns mean."""
    table, columns = Table(title=title), columns_of(evaluations.values())
    for name in _headers(columns, more):
        table.add_column(name, justify="left" if name in ("model", "gate") else "right")
    for name, evaluation in evaluations.items():
        table.add_row(name, *_shares(evaluation, columns), *more.get(name, {}).values())
    console = Console(width=WIDTH)
    console.print(table)
    for caption in captions_of(evaluations.values()):
        console.print(caption)


def _shares(evaluation: Evaluation, columns: Mapping[str, str]) -> list[str]:
    """The model's cells; empty where it has no such metric."""
    metrics = evaluation.metrics()
    return [f"{100 * metrics[metric]:.1f}%" if metric in metrics else "" for metric in columns.values()]


def evaluation_label(model: str) -> str:
    """Label of the stage that measures a model of the lifecycle."""
    return f"evaluate {model}"


def shown_label(model: str) -> str:
    """Label of the stage that measures what is only shown of a model."""
    return f"evaluate {model}, for no gate"
