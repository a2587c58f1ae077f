"""Rust problems: what the model is trained for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from rustml.evaluation.kinds.kind import SuiteKind
from rustml.evaluation.results.suite_result import SuiteResult, mean, mean_lints, share
from rustml.evaluation.suites.rustevo import API, uses_api
from rustml.records import Problem
from rustml.rust import style

if TYPE_CHECKING:
    from rustml.evaluation.results.journal import Chunk, Item
    from rustml.evaluation.suites.suite import Suite

ASKED = "asked_again"
"""Score of an answer that did not pass: whether there was room for a second attempt."""
CATEGORY = "category"
"""Tag of a problem: the group of its bank that a report shows it in."""


class RustKind(SuiteKind):
    """Problems of a bank whose answers rustc, clippy and tests judge."""

    name = "rust"
    metrics = ("format", "compile", "pass", "clippy", "api", "repair")
    drawn = ("format", "compile", "pass", "clippy")

    def tasks(self, problems: Sequence[Problem]) -> dict[str, str]:
        """The category that a bank gives its problems, such as the kind of an API's change."""
        return {problem.id: problem.tags[CATEGORY] for problem in problems if CATEGORY in problem.tags}

    def scores(self, problem: Problem, item: "Item") -> Mapping[str, float]:
        """Whether it names the API that the problem asks for; whether it passed in the end, and was asked again."""
        more: dict[str, float] = {}
        if API in problem.tags:
            more["api"] = float(item.code is not None and uses_api(problem, item.code))
        if item.repaired is not None:
            more["repair"] = float(item.repaired)
        if item.repair is not None:
            more[ASKED] = float(item.repair.asked)
        verdict = item.verdict
        judged = {"compile": float(verdict.compiles is True), "clippy": float(verdict.clippy_clean is True)}
        return judged | more if more else {}

    def files(self, suite: "Suite", chunks: "Sequence[Chunk]") -> Mapping[str, bytes]:
        """`style-<suite>.json`: style describes the answers, and no gate asks for it."""
        questions = {problem.id: problem.instruction for problem in suite.problems}
        codes = [(item.code, questions[item.id]) for chunk in chunks for item in chunk.items if item.code is not None]
        return {f"style-{suite.name}.json": msgspec.json.format(msgspec.json.encode(style.summary(codes)))}

    def summary(self, result: SuiteResult) -> dict[str, float]:
        """Shares of all answers, of the compiling and of the passing ones, and pass@k."""
        samples = result.samples
        compiling = [sample for sample in samples if sample.compiles]
        passing = [sample for sample in samples if sample.status == "passed"]
        return {
            "format_rate": share(samples, "format"),
            "compile_rate": share(samples, "compile"),
            "pass_rate": share(samples, "pass"),
            "clippy_clean_rate": share(samples, "clippy"),
            **({"clippy_clean_of_compiling": share(compiling, "clippy")} if compiling else {}),
            **mean_lints(samples),
            **({"clippy_clean_of_passing": share(passing, "clippy")} if passing else {}),
            **result.pass_at_k(),
            **_of_apis(result),
            **_of_repairs(result),
            **_of_categories(result),
        }

    def columns(self, name: str, result: SuiteResult) -> dict[str, str]:
        """The four rates of a greedy suite; pass@1 of one that draws several samples per item."""
        prefix = result.metric_prefix
        if any(len(samples) > 1 for samples in result.outcomes.values()):
            return {f"{name} pass@1": f"{prefix}pass_at_1"}
        rates = {"format": "format_rate", "compile": "compile_rate", "pass": "pass_rate", "clippy": "clippy_clean_rate"}
        return {f"{name} {header}": f"{prefix}{metric}" for header, metric in rates.items()}


def _of_apis(result: SuiteResult) -> dict[str, float]:
    """The share of answers that name the API asked for; nothing for a suite that asks for none."""
    values = result.values("api")
    return {"api_rate": mean(values.values())} if values else {}


def _of_repairs(result: SuiteResult) -> dict[str, float]:
    """Of a suite with second attempts: the share that passed in the end, and how many were asked again or could not."""
    passed = result.values("repair")
    if not passed:
        return {}
    asked = [value for values in result.sample_values(ASKED).values() for value in values]
    counts = {"repair_asked": sum(asked), "repair_no_room": len(asked) - sum(asked)}
    return {"pass_after_repair": mean(passed.values()), **counts}


def _of_categories(result: SuiteResult) -> dict[str, float]:
    """Items and the share of passing answers of each category."""
    metrics: dict[str, float] = {}
    for category in sorted(set(result.tasks.values())):
        items = [item for item, its in result.tasks.items() if its == category]
        passing = mean(result.values("pass", items).values())
        metrics |= {f"{category}.items": len(items), f"{category}.pass_rate": passing}
    return metrics
