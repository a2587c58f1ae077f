from collections.abc import Iterator

import pytest

from rustml.errors import SandboxUnavailable
from rustml.judge.python.examiner import PythonExaminer
from rustml.sandbox.processes import Processes
from rustml.sandbox.sandbox import open_sandbox
from tests.support.judge_cases import LIMITS


@pytest.fixture(scope="session", params=["bubblewrap", "landlock"])
def examiner(request: pytest.FixtureRequest) -> Iterator[PythonExaminer]:
    """Python alone, without toolchain and harness, in each sandbox that holds here."""
    try:
        sandbox, processes = open_sandbox(request.param), Processes()
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))
    yield PythonExaminer(sandbox, processes, LIMITS)
    processes.close()
    sandbox.close()
