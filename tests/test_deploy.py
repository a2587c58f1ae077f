"""Units of systemd and the container file: they are read without a complaint, and start commands of ours."""

import json
import re
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

ROOT = Path(__file__).resolve().parents[1]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
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


def instructions() -> list[tuple[str, str]]:
    """Words and what follows them, of the container file."""
    lines = re.sub(r"\\\n\s*", "", (ROOT / "deploy" / "Containerfile").read_text()).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")]


def test_a_container_copies_files_that_are_there_and_whatever_the_package_reads() -> None:
    copied = {name for word, rest in instructions() if word == "COPY" for name in rest.split()[:-1]}
    assert not [name for name in copied if not (ROOT / name).exists()]
    assert {"MLproject", "entrypoints", "profiles", "pyproject.toml", "requirements", "rustml", "scripts"} <= copied


def test_a_container_starts_the_server_as_a_user_and_on_its_port() -> None:
    last = dict(instructions())
    assert json.loads(last["ENTRYPOINT"]) == ["rustml"]
    assert last["USER"] == "rustml"
    name, *words = json.loads(last["CMD"])
    served = load("tiny", load_command(name).make_context(name, words).params["overrides"]).serve
    judge = {option.name: option.default for option in load_command("judge").params}
    assert last["EXPOSE"].split() == [str(served.port), str(judge["port"])]
    assert served.host == "0.0.0.0"


@pytest.mark.parametrize("step", [rest for word, rest in instructions() if word == "RUN"])
def test_a_step_of_the_container_is_shell_that_can_be_read(step: str) -> None:
    assert subprocess.run(["sh", "-n", "-c", step], capture_output=True, check=False).stderr == b""
    for inner in re.findall(r"bash -c '([^']*)'", step):
        assert subprocess.run(["bash", "-n", "-c", inner], capture_output=True, check=False).stderr == b""
        called = re.findall(r"&& (\w+)", inner)
        assert called
        assert all(f"{name}() {{" in (ROOT / "scripts" / "setup.sh").read_text() for name in called)
