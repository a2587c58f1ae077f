"""Nodes that would judge differently are named with what differs."""

from dataclasses import asdict
from typing import Any

import msgspec
import pytest

from rustml.errors import EnvironmentFault
from rustml.judge import Limits
from rustml.judge.cluster.agreement import agreed
from rustml.judge.remote.exchange import JudgeFacts

RUST = "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nclippy 0.1.95\n"
FACTS = JudgeFacts(limits=asdict(Limits()), rust=RUST, python="3.11.9", sandbox="bubblewrap+rlimits", code="c")


def test_nodes_that_agree_are_one_judge() -> None:
    assert agreed({"a (1)": FACTS, "b (2)": FACTS}, "c") == FACTS


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rust", RUST.replace("1.95.0", "1.96.0"), "rust: a (1), c (3): rustc 1.95.0; b (2): rustc 1.96.0"),
        ("python", "3.12.1", "python: a (1), c (3): 3.11.9; b (2): 3.12.1"),
        ("sandbox", "landlock", "sandbox: a (1), c (3): bubblewrap+rlimits; b (2): landlock"),
        ("crates", "d", "crates: a (1), c (3): nothing; b (2): d"),
        ("code", "other", "code: this machine, a (1), c (3): c; b (2): other"),
        ("limits", asdict(Limits(disk_mb=1)), "limits: a (1), c (3): "),
    ],
)
def test_what_differs_is_said_by_node(field: str, value: Any, said: str) -> None:
    other = msgspec.structs.replace(FACTS, **{field: value})
    with pytest.raises(EnvironmentFault) as refusal:
        agreed({"a (1)": FACTS, "b (2)": other, "c (3)": FACTS}, "c")
    assert said in str(refusal.value)
    assert sum(line.startswith("  ") for line in str(refusal.value).splitlines()) == 1


def test_nodes_with_another_source_than_this_machine_are_refused() -> None:
    with pytest.raises(EnvironmentFault, match=r"code: this machine: here; a \(1\): c"):
        agreed({"a (1)": FACTS}, "here")
