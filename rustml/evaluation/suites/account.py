"""The account of a hold-out suite: how many pairs ask for code, what judges them, and why others are judged by nothing.

Every count is there where it is zero as well: that nothing is judged in place must not look like a good result.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rustml.evaluation.kinds.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.judge.in_crate.dependencies import Dependencies
from rustml.records import Problem, Record
from rustml.tasks import task_of

NAME_ANOTHER = "name a registry that has it in harvest.registry, or a directory source in evaluation.dependencies"
RUN_HARVEST = "run harvest again, with harvest.unpack: true"
CURES: Mapping[str, str] = {
    "no_crate_source": RUN_HARVEST,
    "file_is_gone": RUN_HARVEST,
    "file_changed": RUN_HARVEST,
    "not_found_in_file": "make the pairs anew",
    "no_dependencies": "name a registry in harvest.registry, or a directory source in evaluation.dependencies",
    "dependency_missing": NAME_ANOTHER,
    "dependency_unresolved": NAME_ANOTHER,
    "dependency_checksum": "the registry serves another archive than its index promises: ask who runs it",
    "crate_does_not_build": "read the compiler's complaint above; a crate may need another compiler or a C library",
    "not_compiled_here": "none: the code is for another machine or another `cfg`",
    "reference_does_not_parse": "none",
    "reference_does_not_compile": "none",
    "reference_timed_out": "evaluate again when the machine is less busy, or raise judge.compile_seconds",
}
"""Why a pair is excluded, and what the user can do."""


class Account(Record, frozen=True):
    """What a hold-out suite judges."""

    asked: int
    """Pairs that ask for code."""
    compiled: int
    """Those of them that the compiler judges in their crate."""
    tested: int
    """Those of the compiled that tests judge as well."""
    excluded: dict[str, int]
    """The other pairs that ask for code, by reason; every reason is there. They are measured by their text alone."""
    crates: list[dict[str, object]]
    """The same by crate, as rows of a table."""
    complaints: dict[str, str]
    """By crate, why none of it can be judged: the reason and the words of Cargo or of the compiler."""
    dependencies: dict[str, Dependencies]
    """What crates of a registry were built against."""

    def counts(self) -> dict[str, int]:
        """The numbers that become metrics."""
        return {"asked": self.asked, "compile": self.compiled, "tests": self.tested}

    def lines(self, suite: str) -> Iterator[str]:
        """The account for the log."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.excluded.items() if count)
        yield (
            f"{suite}: {self.asked} pairs ask for code; judged in place by the compiler {self.compiled}, by tests as "
            f"well {self.tested}; excluded {sum(self.excluded.values())}" + (f" ({reasons})" if reasons else "")
        )
        for crate, complaint in self.complaints.items():
            yield f"{suite}: the pairs of {crate} are excluded: {complaint}"

    def warning(self, suite: str) -> str:
        """That nothing is judged, with the most frequent cause and its cure; empty where something is."""
        if self.compiled or not self.asked:
            return ""
        reason = max(self.excluded, key=lambda name: self.excluded[name])
        return (
            f"{suite}: none of {self.asked} pairs is judged in place, mostly for {reason} "
            f"({self.excluded[reason]}); what helps: {CURES.get(reason, 'none')}"
        )


def account_of(
    problems: Sequence[Problem], complaints: Mapping[str, str], dependencies: Mapping[str, Dependencies]
) -> Account:
    """Count problems by their tag `inplace`."""
    code = [problem for problem in problems if task_of(problem.tags[TASK]).asks_for_code]
    crates = sorted({problem.tags["crate"] for problem in code})
    counts = Counter(problem.tags[INPLACE] for problem in code)
    return Account(
        asked=len(code),
        compiled=counts[COMPILES] + counts[TESTED],
        tested=counts[TESTED],
        excluded=_excluded(counts),
        crates=[_row(crate, code, dependencies.get(crate)) for crate in crates],
        complaints=dict(sorted(complaints.items())),
        dependencies=dict(dependencies),
    )


def _excluded(counts: Counter[str]) -> dict[str, int]:
    others = sorted(counts.keys() - CURES.keys() - {COMPILES, TESTED})
    return {reason: counts[reason] for reason in (*CURES, *others)}


def _row(crate: str, code: Sequence[Problem], dependencies: Dependencies | None) -> dict[str, object]:
    counts = Counter(problem.tags[INPLACE] for problem in code if problem.tags["crate"] == crate)
    excluded = {reason: count for reason, count in sorted(counts.items()) if reason not in (COMPILES, TESTED)}
    return {
        "crate": crate,
        "asked": sum(counts.values()),
        "compile": counts[COMPILES] + counts[TESTED],
        "tests": counts[TESTED],
        "excluded": ", ".join(f"{reason} {count}" for reason, count in excluded.items()),
        "packages": len(dependencies.packages) if dependencies else None,
        "lock": dependencies.lock if dependencies else "",
    }
