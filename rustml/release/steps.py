"""What a lifecycle did, step by step, as the tracking store holds it: for the build report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Run

from rustml.records import Record
from rustml.runs import tracking
from rustml.runs.finished_runs import REUSED, newest_first
from rustml.runs.open_run import FAILED, NOTE, PARENT

INPUT = "rustml.input."
"""Tag of a run: a run that it read, by role."""
ATTEMPT = "rustml.attempt"
"""Tag of a promotion: the number of the look at these weights."""
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "harvest": ("harvest.crates", "harvest.crates_refused", "harvest.files"),
    "bank": ("bank.rust-train", "bank.rust-test", "bank.python-test", "bank.judged"),
    "curate": ("curate.files", "curate.characters"),
    "pairs": ("pairs.part.train", "pairs.part.validation", "pairs.part.holdout"),
    "base": ("base.parameters", "base.tokens", "base.loss"),
    "sft": ("sft.tokens", "sft.loss", "sft.validation.loss", "sft.tokens_per_second"),
    "grpo": ("grpo.prompts.kept", "grpo.reward", "grpo.share.passed", "grpo.judge.wait_share"),
    "quantize": ("quantize.ratio", "quantize.error.max", "quantize.kl", "quantize.top1"),
    "evaluate": ("rust.items", "rust.compile_rate", "rust.pass_rate"),
    "serve": ("serve.asked", "serve.passed", "serve.ready_seconds"),
}
"""Metrics that tell most of a stage; of any other stage, the first ones under its name."""
LEFT_OUT = "left out"
"""Outcome of an evaluation that failed and that nothing needs."""
MOST_NUMBERS = 4


@dataclass(frozen=True)
class Walked:
    """A step as a lifecycle went through it."""

    label: str
    """As it was printed: `harvest`, `evaluate sft`, `gate sft`."""
    run: str
    """That made the stage's output, or that decided."""
    outcome: str
    """`done`, `reused` or `left out` of a stage; `passed`, `overridden` or `refused` of a gate."""
    waited: float
    """Seconds that this lifecycle waited for it."""
    reason: str = ""
    """Why it failed, was refused or overridden."""


class Attempt(Record, frozen=True):
    """A run of the same work that did not come to its end."""

    run: str
    experiment: str
    status: str
    """`failed` or `killed`."""
    reason: str
    """Empty where it could not say why, as after a kill."""


@dataclass(frozen=True, kw_only=True)
class StepRow(Walked):
    """A row of the report.

    The outcome of a run that no step ended with is `failed`, `killed`, or `died`, where it ended without a word.
    """

    experiment: str
    took: float
    """Seconds of the run itself, in this lifecycle or before it."""
    inputs: dict[str, str]
    """Runs by role."""
    numbers: dict[str, float]
    faults: dict[str, float]
    """Counts of faults that are not zero, by metric."""
    look: int
    """Of a gate: the number of the look at these weights; 1 for a stage."""
    earlier: tuple[Attempt, ...]
    """Of the same stage key, the newest first."""

    @property
    def ended_badly(self) -> bool:
        """Whether the lifecycle could not go on from here."""
        return self.outcome in ("refused", "failed", "killed", "died")


def rows(parent: str, walked: Sequence[Walked]) -> list[StepRow]:
    """The steps in the order of the walk, and after them the runs below the run `parent` that ended badly."""
    steps = [_row(tracking.client().get_run(step.run), step) for step in walked]
    listed = {step.run for step in walked}
    left = [run for run in _children(parent) if run.info.run_id not in listed and run.info.status != "FINISHED"]
    return [*steps, *(_row(run, _left(run)) for run in left)]


def newest_failed(parent: str) -> str:
    """The run below the run `parent` that failed last; empty for none."""
    failed = [run.info.run_id for run in _children(parent) if run.info.status == "FAILED"]
    return failed[-1] if failed else ""


def _children(parent: str) -> Iterator[Run]:
    """The runs below a run, in the order in which they started."""
    experiment = tracking.client().get_run(parent).info.experiment_id
    query = f"tags.`{PARENT}` = '{parent}'"
    yield from tracking.client().search_runs([experiment], query, order_by=["attributes.start_time ASC"])


def _left(run: Run) -> Walked:
    outcome = "died" if run.info.status == "RUNNING" else str(run.info.status).lower()
    return Walked(str(run.info.run_name), run.info.run_id, outcome, _took(run), _reason(run))


def _row(run: Run, step: Walked) -> StepRow:
    tags, metrics = run.data.tags, run.data.metrics
    return StepRow(
        label=step.label,
        outcome=step.outcome,
        run=run.info.run_id,
        experiment=run.info.experiment_id,
        waited=step.waited,
        took=_took(run),
        inputs={tag.removeprefix(INPUT): text for tag, text in sorted(tags.items()) if tag.startswith(INPUT)},
        numbers=_numbers(str(tags.get(tracking.STAGE, "")), metrics),
        faults={name: value for name, value in sorted(metrics.items()) if _counts_faults(name) and value > 0},
        reason=step.reason,
        look=int(tags.get(ATTEMPT, 1)),
        earlier=tuple(_earlier(run)),
    )


def _took(run: Run) -> float:
    return float((run.info.end_time or run.info.start_time) - run.info.start_time) / 1000


def _numbers(stage: str, metrics: Mapping[str, float]) -> dict[str, float]:
    own = [name for name in sorted(metrics) if name.startswith(f"{stage}.")]
    names = [name for name in NUMBERS.get(stage, own) if name in metrics]
    return {name: metrics[name] for name in names[:MOST_NUMBERS]}


def _counts_faults(metric: str) -> bool:
    """`rust.faults` and `rust.sampled_faults`, as evaluations name them."""
    return metric.rpartition(".")[2].rpartition("_")[2] == "faults"


def _reason(run: Run) -> str:
    """Why a run failed, in the first paragraph of its page; empty where it says nothing."""
    note = str(run.data.tags.get(NOTE, "")).partition("\n\n")[0]
    return note.removeprefix(FAILED) if note.startswith(FAILED) else ""


def _earlier(run: Run) -> Iterator[Attempt]:
    """Runs of the same stage key that ended badly."""
    key = run.data.tags.get(tracking.KEY, "")
    for other in newest_first(f"tags.`{tracking.KEY}` = '{key}'") if key else ():
        if other.info.status in ("FAILED", "KILLED") and REUSED not in other.data.tags:
            where, status = other.info.experiment_id, str(other.info.status).lower()
            yield Attempt(run=other.info.run_id, experiment=where, status=status, reason=_reason(other))
