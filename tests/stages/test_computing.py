"""A GPU that the installed torch cannot use is not passed over in silence."""

import logging
from pathlib import Path

import pytest

from rustml.stages.computing import warn_of_an_idle_gpu


@pytest.mark.parametrize(
    ("driver", "cuda", "warned"), [(True, None, True), (True, "13.0", False), (False, None, False)]
)
def test_a_cpu_build_beside_a_driver_is_warned_of_with_the_cure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    driver: bool,
    cuda: str | None,
    warned: bool,
) -> None:
    monkeypatch.setattr("torch.version.cuda", cuda)
    if driver:
        (tmp_path / "version").touch()
    with caplog.at_level(logging.WARNING):
        warn_of_an_idle_gpu(tmp_path / "version")
    assert ("ACCELERATOR=cuda make setup" in caplog.text) == warned
