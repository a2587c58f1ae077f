"""Rust without tests: what the compiler, the lints and the syntax tree say of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from rustml.errors import InputError
from rustml.evaluation.kinds.kind import ItemSource, SuiteKind
from rustml.evaluation.results.suite_result import SuiteResult, mean, mean_lints, share
from rustml.profile.evaluation import SuiteSection
from rustml.records import Problem
from rustml.rust.style import style

if TYPE_CHECKING:
    from rustml.evaluation.results.journal import Item
    from rustml.evaluation.suites.suite import Suite


class UntestedKind(SuiteKind):
    """Questions whose answers are compiled and linted, and never run."""

    name = "untested"
    metrics = ("format", "compile", "clippy", "documentation", "idiom")
    drawn = metrics

    def suite(self, name: str, section: SuiteSection, source: ItemSource) -> "Suite":
        """Problems of a bank without their tests. Raises InputError for a problem that is not Rust."""
        suite = super().suite(name, section, source)
        other = next((problem for problem in suite.problems if problem.language != "rust"), None)
        if other is not None:
            raise InputError(f"evaluation.suites.{name}: {other.id} is {other.language}; only Rust is judged untested")
        return replace(suite, problems=tuple(msgspec.structs.replace(one, tests="") for one in suite.problems))

    def scores(self, problem: Problem, item: "Item") -> Mapping[str, float]:
        """Whether it compiles and is free of lints; how well it is documented and how many idioms it shows."""
        verdict = item.verdict
        scores = {"compile": float(verdict.compiles is True), "clippy": float(verdict.clippy_clean is True)}
        shown = style(item.code, problem.instruction) if item.code is not None else None
        described = {"documentation": shown.documentation_rate, "idiom": shown.idiom_score} if shown else {}
        return scores | described

    def summary(self, result: SuiteResult) -> dict[str, float]:
        """Shares of all answers, lints of the compiling ones, and means of style over the answers that parse."""
        samples = result.samples
        compiling = [sample for sample in samples if sample.compiles]
        described = {name: result.values(name) for name in ("documentation", "idiom")}
        return {
            "format_rate": share(samples, "format"),
            "compile_rate": share(samples, "compile"),
            "clippy_clean_rate": share(samples, "clippy"),
            **({"clippy_clean_of_compiling": share(compiling, "clippy")} if compiling else {}),
            **mean_lints(samples),
            **{f"{name}_mean": mean(values.values()) for name, values in described.items() if values},
        }

    def columns(self, name: str, result: SuiteResult) -> dict[str, str]:
        """Compile and clippy rates."""
        rates = {"compile": "compile_rate", "clippy": "clippy_clean_rate"}
        return {f"{name} {header}": f"{result.metric_prefix}{metric}" for header, metric in rates.items()}
