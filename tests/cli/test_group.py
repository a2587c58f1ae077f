"""All commands as subcommands of one, and the README's table of them."""

import ast
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints._support.group import CommandGroup, command_names, help_line, load_command

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| `mlflow run \. -e (\w+)(.*?)` \|$", re.MULTILINE)
TABLE = {name: row for name, *row in ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))}


@pytest.fixture
def rustml() -> CommandGroup:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    group = EntryPoint("rustml", scripts["rustml"], "console_scripts").load()
    assert isinstance(group, CommandGroup)
    return group


def test_the_script_lists_every_command_with_its_first_line(rustml: CommandGroup) -> None:
    text = " ".join(CliRunner().invoke(rustml, ["--help"]).output.split())
    assert len(command_names()) > 10
    for name in command_names():
        assert f"{name} {help_line(name)}" in text


@pytest.mark.parametrize("name", command_names())
def test_a_subcommand_is_the_command(name: str, rustml: CommandGroup) -> None:
    done = CliRunner().invoke(rustml, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert all(option.opts[0] in done.output for option in load_command(name).params)


def test_an_unknown_subcommand_is_refused(rustml: CommandGroup) -> None:
    done = CliRunner().invoke(rustml, ["havrest"])
    assert done.exit_code == 2
    assert "havrest" in done.output


@pytest.mark.parametrize("name", command_names())
def test_the_help_is_written_once_and_is_one_line(name: str) -> None:
    module = ast.parse((ROOT / "entrypoints" / f"{name}.py").read_text(encoding="utf-8"))
    assert help_line(name) == load_command(name).help == ast.get_docstring(module)
    assert help_line(name).endswith(".")


@pytest.mark.parametrize("name", command_names())
def test_the_readme_has_a_row_for_the_command(name: str) -> None:
    assert name in TABLE, f"README.md, table of stages: a row for `{name}` is missing"
    text, entry_point, words = TABLE[name]
    assert text == help_line(name).removesuffix("."), "README.md, table of stages: the line of its --help"
    assert entry_point == name
    required = {option.opts[0].removeprefix("--") for option in load_command(name).params if option.required}
    assert required <= set(re.findall(r"-P (\w+)=", words)), "README.md, table of stages: its required parameters"


def test_the_readme_has_no_row_for_anything_else() -> None:
    assert set(TABLE) == set(command_names())
