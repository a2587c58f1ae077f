"""Problems of what the model could do before: what it must not forget."""

from rustml.evaluation.kinds.kind import SuiteKind
from rustml.evaluation.results.suite_result import SuiteResult, share


class RetentionKind(SuiteKind):
    """Problems of a bank that a gate's test of non-inferiority looks at, each suite and all pooled."""

    name = "retention"
    metrics = ("format", "compile", "pass", "clippy")
    drawn = ("format", "pass")
    retained = True

    def summary(self, result: SuiteResult) -> dict[str, float]:
        """The share of answers with code, and pass@k."""
        return {"format_rate": share(result.samples, "format"), **result.pass_at_k()}
