"""The sandbox's own device nodes live as long as they are used, whatever other judges sweep."""

import os
import time
from pathlib import Path

import pytest

from rustml.sandbox import workdir
from rustml.sandbox.devices import NODES, Devices


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_no_sweep_takes_the_nodes_of_a_living_sandbox(folder: Path) -> None:
    devices = Devices()
    if not devices.own:
        pytest.skip("this user may not make device nodes")
    for working in folder.iterdir():
        old = time.time() - 10 * workdir._UNBORN_SECONDS
        os.utime(working, (old, old))
    assert workdir.sweep() == []
    sources = [Path(word) for word in devices.binds(every=True) if word.startswith(str(folder))]
    assert len(sources) == len(NODES)
    assert all(source.is_char_device() for source in sources)
    devices.close()
    assert list(folder.iterdir()) == []


def test_an_ordinary_user_gets_the_nodes_of_the_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mknod", refused)
    devices = Devices()
    assert not devices.own
    assert devices.binds(every=False) == ["--dev-bind", "/dev/null", "/dev/null"]
    assert list(folder.iterdir()) == []
