"""The lifecycle's report: one table of its stages, the gates' decisions and their reasons, as a page and as JSON."""

import html
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from rustml.evaluation.report.plots import draw_pairs, draw_stages
from rustml.evaluation.results.outcomes import Evaluation
from rustml.records import Record
from rustml.release.gates import Decision

PAGE, DOCUMENT = "lifecycle.html", "lifecycle.json"
NONE = "-"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; color: #222 }
table { border-collapse: collapse } th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
th { vertical-align: bottom }
th:first-child, td:first-child { text-align: left } .passed { color: #2b8a3e } .refused { color: #c92a2a }
img { max-width: 100% } li { margin: .2rem 0 }
"""


class Stage(Record, frozen=True):
    """A stage of the lifecycle that made a model."""

    name: str
    """`base`, `sft`, `grpo`, `fp8`."""
    evaluation: Evaluation
    seconds: float
    """Wall seconds from the stage's start to the end of its evaluation."""
    decision: Decision | None = None
    """Of the gate that it went through; None for the base."""
    champion: Decision | None = None
    """Of the champion's gate, where it came that far."""
    override: str = ""
    """Reason where a person overrode a refusal."""
    version: str = ""
    """In the registry."""


def columns(stages: Sequence[Stage]) -> list[str]:
    """The metrics of the table: rates and pass@k that any stage has, in the order of the suites."""
    shown = ("_rate", "pass_at_1")
    names = dict.fromkeys(name for stage in stages for name in stage.evaluation.metrics())
    greedy = [name for name in names if name.endswith(shown)]
    repeated = {
        name for name in greedy if name.endswith(".pass_at_1") and name[: -len("pass_at_1")] + "pass_rate" in names
    }
    return [name for name in greedy if name not in repeated]


def table(stages: Sequence[Stage]) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text: stage, metrics in percent, the gate's decision, seconds."""
    metrics = columns(stages)
    rows = [
        [
            stage.name,
            *(_percent(stage.evaluation.metrics().get(name)) for name in metrics),
            verdict(stage),
            f"{stage.seconds:.0f}",
        ]
        for stage in stages
    ]
    return ["stage", *metrics, "gate", "seconds"], rows


def verdict(stage: Stage) -> str:
    """`passed`, `refused`, `overridden`, or a dash where there was no gate."""
    if stage.decision is None:
        return NONE
    return "passed" if stage.decision.passed else "overridden" if stage.override else "refused"


def write(stages: Sequence[Stage], folder: Path) -> Path:
    """Write `lifecycle.html` with its figures and `lifecycle.json` into `folder`; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = [draw_stages({stage.name: stage.evaluation for stage in stages}, folder / "stages.png")]
    for before, after in pairwise(stages):
        path = folder / f"pairs-{before.name}-{after.name}.png"
        figures.append(draw_pairs(before.evaluation, after.evaluation, path))
    (folder / DOCUMENT).write_bytes(msgspec.json.format(msgspec.json.encode([_summary(stage) for stage in stages])))
    page = folder / PAGE
    page.write_text(_page(stages, [figure.name for figure in figures]), encoding="utf-8")
    return page


def _summary(stage: Stage) -> dict[str, object]:
    return {
        "stage": stage.name,
        "version": stage.version,
        "weights_digest": stage.evaluation.weights_digest,
        "metrics": stage.evaluation.metrics(),
        "gate": verdict(stage),
        "reasons": stage.decision.reasons if stage.decision else (),
        "override": stage.override,
        "decision": stage.decision,
        "champion": stage.champion,
        "seconds": stage.seconds,
    }


def _page(stages: Sequence[Stage], figures: Iterable[str]) -> str:
    names, rows = table(stages)
    header = "".join(f"<th>{_breakable(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(text) for text in row)}</tr>\n" for row in rows)
    images = "".join(f'<p><img src="{html.escape(name)}" alt="{html.escape(name)}"></p>\n' for name in figures)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Lifecycle</title><style>{STYLE}</style>'
        f"</head><body>\n<h1>Lifecycle</h1>\n<table><thead><tr>{header}"
        f"</tr></thead>\n<tbody>{body}</tbody></table>\n<h2>Gates</h2>\n"
        f"{''.join(_gates(stage) for stage in stages)}<h2>Figures</h2>\n{images}</body></html>\n"
    )


def _breakable(name: str) -> str:
    """A metric's name that may break where its parts end: the table is wide."""
    return html.escape(name).replace(".", ".<wbr>").replace("_", "_<wbr>")


def _cell(text: str) -> str:
    kind = f' class="{text}"' if text in {"passed", "refused"} else ""
    return f"<td{kind}>{html.escape(text)}</td>"


def _gates(stage: Stage) -> str:
    override = f"<p>Overridden: {html.escape(stage.override)}</p>\n" if stage.override else ""
    own = _gate(stage.name, verdict(stage), stage.decision, override) if stage.decision else ""
    champion = stage.champion
    return own + (_gate("champion", "passed" if champion.passed else "refused", champion) if champion else "")


def _gate(name: str, outcome: str, decision: Decision, override: str = "") -> str:
    lines = "".join(
        f'<li class="{"passed" if finding.passed else "refused"}">{html.escape(finding.text)}</li>\n'
        for finding in decision.findings
    )
    return f"<h3>{html.escape(name)}: {outcome}</h3>\n{override}<ul>\n{lines}</ul>\n"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f}"
