"""The part of a lifecycle's page that tells its steps: a table, and what went wrong with what was done about it."""

import html
from collections.abc import Iterator, Sequence

from rustml.release.steps import LEFT_OUT, Attempt, StepRow

SHORT = 8
"""Characters of a run's id, which links to the whole."""
HEADER = ("step", "outcome", "waited, s", "run took, s", "inputs", "numbers", "run")


def heading(rows: Sequence[StepRow]) -> str:
    """How far the lifecycle came, in one sentence."""
    reused, waited = sum(row.outcome == "reused" for row in rows), sum(row.waited for row in rows)
    bad = [row for row in rows if row.ended_badly]
    end = f"ended at {bad[-1].label}, which was {bad[-1].outcome}" if bad else "every step came to its end"
    end = end.replace("was failed", "failed").replace("was died", "died")
    return f"{len(rows)} steps in {waited:.0f} s, {reused} of them reused: {end}."


def section(rows: Sequence[StepRow]) -> str:
    """Table and list in HTML."""
    header = "".join(f"<th>{name}</th>" for name in HEADER)
    body = "".join(f'<tr class="{row.outcome}">{_cells(row)}</tr>\n' for row in rows)
    trouble = "".join(f"<li>{line}</li>\n" for row in rows for line in _trouble(row)) or "<li>Nothing.</li>\n"
    return (
        f'<h2>Steps</h2>\n<p>{html.escape(heading(rows))}</p>\n<table class="steps"><thead><tr>{header}</tr></thead>\n'
        f"<tbody>{body}</tbody></table>\n<h2>What went wrong, and what was done</h2>\n<ul>\n{trouble}</ul>\n"
    )


def _cells(row: StepRow) -> str:
    inputs = ", ".join(f"{html.escape(role)} {_link(run, row.experiment)}" for role, run in row.inputs.items())
    numbers = ", ".join(
        f"{html.escape(name.partition('.')[2])} {_number(value)}" for name, value in row.numbers.items()
    )
    times = (f"{row.waited:.0f}", f"{row.took:.0f}")
    cells = (html.escape(row.label), row.outcome, *times, inputs, numbers, _link(row.run, row.experiment))
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _number(value: float) -> str:
    """Counts in full, anything else in four digits."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"


def _link(run: str, experiment: str) -> str:
    """To a run's page in the UI that shows this page."""
    run, experiment = html.escape(run), html.escape(experiment)
    return f'<a href="/#/experiments/{experiment}/runs/{run}" target="_blank" title="{run}">{run[:SHORT]}</a>'


def _trouble(row: StepRow) -> Iterator[str]:
    label = html.escape(row.label)
    if row.outcome == "refused":
        yield f"{label} refused: {_text(row.reason)}. The alias stays where it was."
    elif row.outcome == "overridden":
        yield f"{label} refused, and a person overrode it: {_text(row.reason)}."
    elif row.outcome == LEFT_OUT:
        yield f"{label} failed{_because(row.reason)}. No gate needs it."
    elif row.ended_badly:
        word = "was killed" if row.outcome == "killed" else row.outcome
        yield f"{label} {word}{_because(row.reason)}. The same command goes on from here."
    if row.look > 1:
        yield f"{label}: this was look {row.look} at the same weights."
    for name, value in row.faults.items():
        yield f"{label}: {html.escape(name)} {value:g}, faults of the judge or the machine; they count in no score."
    if not row.ended_badly:
        yield from (_retried(label, attempt) for attempt in row.earlier)


def _retried(label: str, attempt: Attempt) -> str:
    run = _link(attempt.run, attempt.experiment)
    if attempt.status == "killed":
        return f"{label}: run {run} was killed; a later run went on in the folder that it left."
    return f"{label}: run {run} failed{_because(attempt.reason)}; a later run came to the end."


def _because(reason: str) -> str:
    return f": {_text(reason)}" if reason else ""


def _text(reason: str) -> str:
    return html.escape(" ".join(reason.split())).rstrip(".")
