"""Write MLproject from the commands' options: `python -m entrypoints._support.mlproject`."""

from pathlib import Path
from typing import Any

import click
import yaml

from entrypoints._support.group import PACKAGE, command_names, load_command

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python -m entrypoints._support.mlproject"
MAIN = "lifecycle"
"""The entry point of a plain `mlflow run .`."""
HEADER = f"""# Written by `{COMMAND}` from the options of the commands in {PACKAGE}/: edit those.
# Every parameter is checked by the command before anything starts; `python -m {PACKAGE}.STAGE --help` explains each.
# A parameter without a default is required. Run ids are those that earlier stages print.
"""


def render() -> str:
    """The text of MLproject."""
    entry_points = {name: _entry_point(load_command(name), name) for name in command_names()}
    tree = {
        "name": "rustml",
        "conda_env": "conda.yaml",
        "entry_points": {"main": _entry_point(load_command(MAIN), MAIN), **entry_points},
    }
    return HEADER + yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=120)


def _entry_point(command: click.Command, name: str) -> dict[str, Any]:
    options = {option.opts[0].removeprefix("--"): option for option in command.params if option.expose_value}
    words = "".join(f" --{word} {{{word}}}" for word in options)
    return {
        "parameters": {word: _parameter(option) for word, option in options.items()},
        "command": f"python -m {PACKAGE}.{name}{words}",
    }


def _parameter(option: click.Parameter) -> Any:
    """MLflow's declaration of an option: its type alone where it is required, else type and default."""
    kind = _kind(option)
    if option.required:
        return kind
    return {"type": kind, "default": str(option.default).lower() if option.type is click.BOOL else option.default}


def _kind(option: click.Parameter) -> str:
    if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType):
        return "float"
    return "path" if option.required and isinstance(option.type, click.Path) else "string"


if __name__ == "__main__":
    (ROOT / "MLproject").write_text(render(), encoding="utf-8")
