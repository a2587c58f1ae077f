"""What answers of a suite may do that the problems of its bank do not say: unsafe code, another signature."""

from collections.abc import Sequence

from msgspec.structs import replace

from rustml.profile.evaluation import SuiteSection
from rustml.records import Policy, Problem

UNSAFE = "unsafe_code"
"""Why a problem is excluded: it needs unsafe code, and the suite refuses it."""


def under_rules(problems: Sequence[Problem], section: SuiteSection) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """The problems as the suite asks them, and the ids of those that it excludes for `UNSAFE`."""
    refused = section.unsafe_code == "refused"
    lost = tuple(one.id for one in problems if refused and one.policy == "unsafe")
    return tuple(_under_rules(one, section) for one in problems if one.id not in lost), lost


def _under_rules(problem: Problem, section: SuiteSection) -> Problem:
    if problem.language != "rust":
        return problem
    policy: Policy = "unsafe" if section.unsafe_code == "allowed" else problem.policy
    return replace(problem, policy=policy, pinned=problem.pinned and section.signatures == "declared")
