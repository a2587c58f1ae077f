"""What `ldd` does not say is told in one line."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import EnvironmentFault
from rustml.sandbox.shared_objects import shared_objects


def test_a_busy_machine_is_told_in_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(argv: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(argv, options["timeout"])

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(EnvironmentFault, match="busy") as fault:
        shared_objects(*(Path(f"/program{number}") for number in range(100)))
    assert len(str(fault.value)) < 120
