"""Whether all nodes would judge alike: equal limits, toolchain, Python, sandbox, crates and code of the judge."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rustml.errors import EnvironmentFault
from rustml.judge.remote.exchange import JudgeFacts

FIELDS = ("limits", "rust", "python", "sandbox", "crates")
HERE = "this machine"
LONGEST = 120
"""Characters that are shown of a value."""


def agreed(facts: Mapping[str, JudgeFacts], code: str) -> JudgeFacts:
    """What all nodes say, each named by its key. Their judge's source has to have the digest `code`, as this machine's.

    Raises EnvironmentFault naming what differs, and where.
    """
    told: dict[str, dict[str, Any]] = {
        field: {node: getattr(fact, field) for node, fact in facts.items()} for field in FIELDS
    }
    told["code"] = {HERE: code, **{node: fact.code for node, fact in facts.items()}}
    differing = [_groups(field, values) for field, values in told.items() if len({str(v) for v in values.values()}) > 1]
    if differing:
        raise EnvironmentFault(
            "the nodes of the Ray cluster would not judge alike, so none of them judges:\n"
            + "\n".join(differing)
            + "\ngive all nodes the same checkout, toolchain, Python, sandbox and crates"
        )
    return next(iter(facts.values()))


def _groups(field: str, values: Mapping[str, Any]) -> str:
    """`rust: a, b: rustc 1.95.0; c: rustc 1.96.0`, by the lines that not all of them have."""
    nodes: dict[str, list[str]] = defaultdict(list)
    for node, value in values.items():
        nodes[str(value)].append(node)
    shared = set.intersection(*(set(text.splitlines()) for text in nodes))
    return f"  {field}: " + "; ".join(f"{', '.join(names)}: {_own(text, shared)}" for text, names in nodes.items())


def _own(text: str, shared: set[str]) -> str:
    own = " ".join(line for line in text.splitlines() if line not in shared)
    return own[:LONGEST] or "nothing"
