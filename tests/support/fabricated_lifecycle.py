"""A lifecycle's evaluations and promotions in a store, logged by our own code. The outcomes are fabricated."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from rustml.errors import GateRefused
from rustml.evaluation.report.plots import draw_evaluation
from rustml.evaluation.results.report_file import REPORT, Evaluation
from rustml.profile import load
from rustml.release.find_evidence import WEIGHTS_RUN_TAG
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Workspace
from rustml.stages.evaluate import STAGE
from tests.support.stores import Store

Make = Callable[..., Evaluation]
ITEMS, PYTHON_ITEMS = 200, 500
# By model, how many Rust and Python items pass: neither a trained model nor a measurement stands behind them.
FABRICATED = {"base": (20, 400), "sft": (120, 401), "grpo": (160, 402), "fp8": (159, 399), "forgetful": (170, 300)}


@dataclass
class Lifecycle:
    """What the store holds, by the model's name."""

    runs: dict[str, str] = field(default_factory=dict)
    """Evaluation runs."""
    versions: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)


def fill(store: Store, make: Make) -> Lifecycle:
    """Evaluate, register and promote from the base model to a champion; one candidate is refused."""
    made = Lifecycle()
    for name in FABRICATED:
        _evaluate(store, make, name, made)
    for name, parent, to in (("sft", "base", "sft"), ("grpo", "sft", "grpo"), ("fp8", "grpo", "fp8")):
        made.versions[name] = store.registered(name, parent=made.versions.get(parent, ""))
        _promote(store, made, name, parent, to)
    _promote(store, made, "fp8", "base", "champion")
    made.versions["forgetful"] = store.registered("forgetful")
    with suppress(GateRefused):
        _promote(store, made, "forgetful", "base", "sft")
    return made


def _evaluate(store: Store, make: Make, name: str, made: Lifecycle) -> None:
    """As the stage `evaluate` does, but that the report was there before."""
    rust, python = FABRICATED[name]
    scores = {"rust": [n < rust for n in range(ITEMS)], "python": [n < python for n in range(PYTHON_ITEMS)]}
    report = msgspec.structs.replace(make(store.digest(name), **scores), model=f"fabricated {name}")

    def body(space: Workspace) -> Outcome:
        report.save(space.out / REPORT)
        draw_evaluation(report, space.report / "plots")
        return Outcome(report.metrics(), tags={WEIGHTS_RUN_TAG: report.weights_digest, "rustml.model": report.model})

    params = {"weights": report.weights_digest, "suites": "", "contaminated": ""}
    made.runs[name] = tracking.run_stage(STAGE, load("tiny"), body, params=params, title=f"fabricated {name}").run_id
    made.metrics[name] = report.metrics()


def _promote(store: Store, made: Lifecycle, name: str, baseline: str, to: str) -> None:
    """FP8 has to lose nothing; the others have to gain."""
    gated = replace(store, thresholds=msgspec.structs.replace(store.thresholds, require_gain=to != "fp8"))
    parent = made.versions.get(baseline, "")
    gated.promote(made.versions[name], to, made.runs[name], made.runs[baseline], baseline_version=parent)
