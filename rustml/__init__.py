"""rustml: from a base language model to a compiler-verified Rust coder.

The names below are the public interface; everything else may change from one version to the next.

    from rustml import Candidate, Judge, Limits

    with Judge(Limits()) as judge:
        verdicts = judge.judge([Candidate(id="a", code=code, tests=tests, entry_point="add")])

Each name is imported when it is first used: `import rustml` loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rustml.errors import RustmlError
    from rustml.evaluation.results.report_file import Evaluation
    from rustml.evaluation.results.report_file import load as load_evaluation
    from rustml.judge import Judge, Limits
    from rustml.profile import Profile
    from rustml.profile import load as load_profile
    from rustml.profile.gates import Thresholds
    from rustml.records import Candidate, Pair, Problem, Verdict
    from rustml.release.gates import Decision, decide

__version__ = "0.2.0"
__all__ = [
    "Candidate",
    "Decision",
    "Evaluation",
    "Judge",
    "Limits",
    "Pair",
    "Problem",
    "Profile",
    "RustmlError",
    "Thresholds",
    "Verdict",
    "__version__",
    "decide",
    "load_evaluation",
    "load_profile",
]
_HOMES = {
    "Candidate": ("rustml.records", "Candidate"),
    "Decision": ("rustml.release.gates", "Decision"),
    "Evaluation": ("rustml.evaluation.results.report_file", "Evaluation"),
    "Judge": ("rustml.judge", "Judge"),
    "Limits": ("rustml.judge", "Limits"),
    "Pair": ("rustml.records", "Pair"),
    "Problem": ("rustml.records", "Problem"),
    "Profile": ("rustml.profile", "Profile"),
    "RustmlError": ("rustml.errors", "RustmlError"),
    "Thresholds": ("rustml.profile.gates", "Thresholds"),
    "Verdict": ("rustml.records", "Verdict"),
    "decide": ("rustml.release.gates", "decide"),
    "load_evaluation": ("rustml.evaluation.results.report_file", "load"),
    "load_profile": ("rustml.profile", "load"),
}


def __getattr__(name: str) -> Any:
    """The public name, from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rustml' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
