from collections.abc import Iterator

import pytest

from rustml.judge.python.examiner import PythonExaminer
from rustml.sandbox.processes import Processes
from rustml.sandbox.sandbox import open_sandbox
from tests.support.judge_cases import LIMITS


@pytest.fixture(scope="session")
def examiner() -> Iterator[PythonExaminer]:
    """Python alone: no Rust toolchain, no harness."""
    sandbox, processes = open_sandbox("bubblewrap"), Processes()
    yield PythonExaminer(sandbox, processes, LIMITS)
    processes.close()
    sandbox.close()
