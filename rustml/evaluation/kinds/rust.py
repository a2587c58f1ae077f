"""Rust problems: what the model is trained for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from rustml.evaluation.kinds.kind import SuiteKind
from rustml.evaluation.results.suite_result import SuiteResult, mean_lints, share
from rustml.rust import style

if TYPE_CHECKING:
    from rustml.evaluation.results.journal import Chunk
    from rustml.evaluation.suites.suite import Suite


class RustKind(SuiteKind):
    """Problems of a bank whose answers rustc, clippy and tests judge."""

    name = "rust"
    metrics = ("format", "compile", "pass", "clippy")
    drawn = metrics

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
        }

    def columns(self, name: str, result: SuiteResult) -> dict[str, str]:
        """The four rates of a greedy suite; pass@1 of one that draws several samples per item."""
        prefix = result.metric_prefix
        if any(len(samples) > 1 for samples in result.outcomes.values()):
            return {f"{name} pass@1": f"{prefix}pass_at_1"}
        rates = {"format": "format_rate", "compile": "compile_rate", "pass": "pass_rate", "clippy": "clippy_clean_rate"}
        return {f"{name} {header}": f"{prefix}{metric}" for header, metric in rates.items()}
