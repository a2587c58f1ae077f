"""The systemd units: systemd itself reads them without a complaint, and their commands are commands of ours."""

import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from getpass import getuser
from pathlib import Path

import click
import pytest

from entrypoints._support.group import load_command
from rustml.profile import load
from rustml.serving import upstream

UNITS = sorted((Path(__file__).resolve().parents[1] / "deploy").glob("*.service"))
HOME = "/srv/rustml"


def service(unit: Path) -> dict[str, str]:
    parser = ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    return dict(parser["Service"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_command_of_a_unit_is_read_by_its_options(unit: Path) -> None:
    python, flag, module, *words = shlex.split(service(unit)["ExecStart"])
    assert (python, flag) == (f"{HOME}/.venv/bin/python", "-m")
    command = load_command(module.removeprefix("entrypoints."))
    assert isinstance(command.make_context(module, words), click.Context)


def test_systemd_waits_for_the_drain_and_the_engine() -> None:
    (unit,) = [unit for unit in UNITS if unit.stem == "rustml-serve"]
    assert int(service(unit)["TimeoutStopSec"]) > load("tiny").serve.drain_seconds + upstream.STOP_SECONDS


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_reads_a_unit_without_a_complaint(unit: Path, tmp_path: Path) -> None:
    """With a python, a folder and a user that are there; an unknown key is a complaint, and no error."""
    text = unit.read_text().replace(f"{HOME}/.venv/bin/python", sys.executable).replace(HOME, str(tmp_path))
    (tmp_path / unit.name).write_text(text.replace("User=rustml", f"User={getuser()}"))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
