"""The commands of this package: their names, and a group that imports one only when it is called."""

import ast
import importlib
import pkgutil
from pathlib import Path

import click

FOLDER = Path(__file__).resolve().parents[1]
PACKAGE = FOLDER.name


def command_names() -> list[str]:
    """Modules of the package that are commands, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if not module.name.startswith("_"))


def load_command(name: str) -> click.Command:
    """Import a command. Raises TypeError for a module without one."""
    command = importlib.import_module(f"{PACKAGE}.{name}").main
    if not isinstance(command, click.Command):
        raise TypeError(f"{FOLDER / name}.py: `main` is not a click command")
    return command


def help_line(name: str) -> str:
    """The first line of a command's help, read from its source: importing all commands would take seconds."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


class CommandGroup(click.Group):
    """Every command of the package as a subcommand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """All names."""
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name, None where there is none."""
        return load_command(cmd_name) if cmd_name in command_names() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line(name)) for name in command_names()])
