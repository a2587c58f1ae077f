"""What a compilation that ended without errors of its own says about the candidate."""

import signal
from pathlib import Path

import pytest

from rustml.judge.rust.failures import of_crash
from rustml.sandbox.processes import Completed


@pytest.mark.parametrize(
    ("code", "expired", "transient"), [(-signal.SIGKILL, True, True), (-signal.SIGXCPU, False, False)]
)
def test_a_compilation_that_waited_for_a_processor_too_long_is_transient(
    tmp_path: Path, code: int, expired: bool, transient: bool
) -> None:
    failure = of_crash(Completed(code, b"", b"", expired=expired, flooded=False, seconds=1.0), tmp_path)
    assert (failure.status, failure.transient) == ("compile_timeout", transient)
