"""A Ray cluster on this machine, and judges that its nodes open in the place of real ones."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rustml.judge.judging import Closing
from rustml.judge.remote.exchange import JudgeFacts
from rustml.testing import FakeJudge

TOLD = "RUSTML_TEST_RUST"
"""Variable of a node's environment: the toolchain that its double names."""

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is an optional extra: pip install -r requirements/ray.txt"
)


@contextmanager
def two_nodes() -> Iterator[Any]:
    """Two nodes, each a raylet of its own with one processor; RAY_ADDRESS names them."""
    import ray
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0", RAY_worker_niceness="0")
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes(timeout=300)
    os.environ["RAY_ADDRESS"] = nodes.address
    try:
        yield nodes
    finally:
        ray.shutdown()
        nodes.shutdown()
        os.environ.clear()
        os.environ.update(before)


class ClosedDouble(FakeJudge, Closing):
    """A judge without a compiler that leaves a file when it is closed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(lambda candidate: "passed" if "right" in candidate.code else "wrong")
        self._folder = folder

    def close(self) -> None:
        """Say so."""
        (self._folder / str(os.getpid())).touch()


def open_double(folder: Path, workers: int) -> tuple[ClosedDouble, JudgeFacts]:
    """A double, on the node that calls this."""
    facts = JudgeFacts(limits={}, rust=os.environ.get(TOLD, "1"), python="3", sandbox=f"none of {workers}", code="c")
    return ClosedDouble(folder), facts
