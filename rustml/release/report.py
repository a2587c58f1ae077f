"""The report of a lifecycle: its models, its steps, what went wrong, the gates' decisions; a page, and JSON."""

import html
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from rustml.evaluation.report.plots import draw_pairs, draw_stages
from rustml.evaluation.results.report_file import Evaluation
from rustml.records import Record
from rustml.release.gates import Decision
from rustml.release.steps import StepRow
from rustml.release.steps_section import section
from rustml.release.suite_columns import captions_of, columns_of

PAGE, DOCUMENT, STEPS = "lifecycle.html", "lifecycle.json", "steps.json"
NONE = "-"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; color: #222 }
table { border-collapse: collapse } th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
th { vertical-align: bottom }
th:first-child, td:first-child, .steps th, .steps td { text-align: left; vertical-align: top }
.passed { color: #2b8a3e } .refused { color: #c92a2a }
img { max-width: 100% } li { margin: .2rem 0 }
"""


class ModelRow(Record, frozen=True):
    """A model of the lifecycle: the base, or a version made for a step of the ladder."""

    name: str
    """`base`, or the step's: `sft`, `grpo`, `fp8`."""
    evaluation: Evaluation
    seconds: float
    """Wall seconds from the stage's start to the end of its evaluation."""
    decision: Decision | None = None
    """Of the gate of its step; None for the base."""
    later: dict[str, Decision] = {}
    """Of later gates that this version reached by itself, by step: `champion`."""
    override: str = ""
    """Reason where a person overrode a refusal."""
    version: str = ""
    """In the registry."""
    shown: Evaluation | None = None
    """On the suites that are only shown; None for a model that was not measured on them."""


def columns(models: Sequence[ModelRow]) -> list[str]:
    """The metrics of the table: rates and pass@k that any model has, in the order of the suites."""
    endings = ("_rate", "pass_at_1")
    names = dict.fromkeys(name for model in models for name in model.evaluation.metrics())
    greedy = [name for name in names if name.endswith(endings)]
    repeated = {
        name for name in greedy if name.endswith(".pass_at_1") and name[: -len("pass_at_1")] + "pass_rate" in names
    }
    return [name for name in greedy if name not in repeated]


def table(models: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text: stage, metrics in percent, the gate's decision, seconds."""
    metrics = columns(models)
    rows = [
        [
            model.name,
            *(_percent(model.evaluation.metrics().get(name)) for name in metrics),
            verdict(model),
            f"{model.seconds:.0f}",
        ]
        for model in models
    ]
    return ["stage", *metrics, "gate", "seconds"], rows


def verdict(row: ModelRow) -> str:
    """`passed`, `refused`, `overridden`, or a dash where there was no gate."""
    if row.decision is None:
        return NONE
    return "passed" if row.decision.passed else "overridden" if row.override else "refused"


def write(models: Sequence[ModelRow], steps: Sequence[StepRow], folder: Path) -> Path:
    """Write `lifecycle.html` with its figures, `lifecycle.json` and `steps.json` into `folder`; the page's path.

    A lifecycle that ended early has no models.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in ((DOCUMENT, [_summary(model) for model in models]), (STEPS, steps)):
        (folder / name).write_bytes(msgspec.json.format(msgspec.json.encode(value)))
    page = folder / PAGE
    page.write_text(_page(models, steps, [figure.name for figure in _figures(models, folder)]), encoding="utf-8")
    return page


def _figures(models: Sequence[ModelRow], folder: Path) -> list[Path]:
    if not models:
        return []
    figures = [draw_stages({model.name: model.evaluation for model in models}, folder / "stages.png")]
    for before, after in pairwise(models):
        path = folder / f"pairs-{before.name}-{after.name}.png"
        figures.append(draw_pairs(before.evaluation, after.evaluation, path))
    return figures


def _summary(row: ModelRow) -> dict[str, object]:
    return {
        "stage": row.name,
        "version": row.version,
        "weights_digest": row.evaluation.weights_digest,
        "metrics": row.evaluation.metrics(),
        "gate": verdict(row),
        "reasons": row.decision.reasons if row.decision else (),
        "override": row.override,
        "decision": row.decision,
        "later": row.later,
        "seconds": row.seconds,
        "shown": row.shown.metrics() if row.shown else {},
    }


def _page(models: Sequence[ModelRow], steps: Sequence[StepRow], figures: Iterable[str]) -> str:
    images = "".join(f'<p><img src="{html.escape(name)}" alt="{html.escape(name)}"></p>\n' for name in figures)
    gates = "".join(_gates(model) for model in models)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Lifecycle</title><style>{STYLE}</style>'
        f"</head><body>\n<h1>Lifecycle</h1>\n{_models(models) if models else ''}{_shown(models)}{section(steps)}"
        f"<h2>Gates</h2>\n{gates}<h2>Figures</h2>\n{images}</body></html>\n"
    )


def _models(models: Sequence[ModelRow]) -> str:
    names, rows = table(models)
    header = "".join(f"<th>{_breakable(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(text) for text in row)}</tr>\n" for row in rows)
    return f"<table><thead><tr>{header}</tr></thead>\n<tbody>{body}</tbody></table>\n"


def _shown(models: Sequence[ModelRow]) -> str:
    """The suites that no gate reads; nothing where none was measured."""
    evaluations = {model.name: model.shown for model in models if model.shown is not None}
    if not evaluations:
        return ""
    columns = columns_of(evaluations.values())
    header = "".join(f"<th>{html.escape(name)}</th>" for name in ("stage", *columns))
    body = "".join(
        f"<tr>{_cell(name)}{''.join(_cell(_percent(each.metrics().get(metric))) for metric in columns.values())}</tr>\n"
        for name, each in evaluations.items()
    )
    captions = "".join(f"<p>{html.escape(caption)}</p>\n" for caption in captions_of(evaluations.values()))
    return (
        f"<h2>Measured beside, for no gate</h2>\n<table><thead><tr>{header}</tr></thead>\n"
        f"<tbody>{body}</tbody></table>\n{captions}"
    )


def _breakable(name: str) -> str:
    """A metric's name that may break where its parts end: the table is wide."""
    return html.escape(name).replace(".", ".<wbr>").replace("_", "_<wbr>")


def _cell(text: str) -> str:
    kind = f' class="{text}"' if text in {"passed", "refused"} else ""
    return f"<td{kind}>{html.escape(text)}</td>"


def _gates(row: ModelRow) -> str:
    override = f"<p>Overridden: {html.escape(row.override)}</p>\n" if row.override else ""
    first = _gate(row.name, verdict(row), row.decision, override) if row.decision else ""
    later = (_gate(step, "passed" if decision.passed else "refused", decision) for step, decision in row.later.items())
    return first + "".join(later)


def _gate(name: str, outcome: str, decision: Decision, override: str = "") -> str:
    lines = "".join(
        f'<li class="{"passed" if finding.passed else "refused"}">{html.escape(finding.text)}</li>\n'
        for finding in decision.findings
    )
    return f"<h3>{html.escape(name)}: {outcome}</h3>\n{override}<ul>\n{lines}</ul>\n"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f}"
