"""What all commands share: options, exit codes, signals."""

import errno
import functools
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import click

from rustml.errors import EnvironmentFault, RustmlError
from rustml.profile import load
from rustml.profile.origins import origins, table
from rustml.runs import log_levels
from rustml.runs.signals import interrupt

INTERRUPTED = 130
EXPLAIN = "--explain"
RUN_ID = "MLFLOW_RUN_ID"


class Overrides(click.ParamType[tuple[str, ...]]):
    """Overrides of a profile in one text, quoted as in a shell: `a.b=1 "c.d=two words"`."""

    name = "overrides"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The overrides one by one."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class StageRun(Protocol):
    """What a stage returns, as far as a command tells of it; `rustml.runs.tracking.Finished` takes seconds to load."""

    @property
    def run_id(self) -> str:
        """Of the run that made the output."""
        ...

    @property
    def seconds(self) -> float:
        """How long the stage's body ran."""
        ...

    @property
    def reused(self) -> bool:
        """Whether an earlier run was taken over."""
        ...


class StageCommand(click.Command):
    """A command whose failures are one clear line and an exit code (rustml/errors.py), not a traceback."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; with `--explain`, those that say which profile, even where others are missing."""
        if EXPLAIN not in args:
            return super().parse_args(ctx, args)
        lenient = {"ignore_unknown_options": True, "allow_extra_args": True}
        options = [option for option in self.params if option.name in ("profile", "overrides", "explain")]
        inner = click.Command(self.name, params=options, callback=_explain, context_settings=lenient)
        with inner.make_context(ctx.info_name, args, parent=ctx.parent) as context:
            inner.invoke(context)
        return ctx.exit()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; SIGTERM ends it as Ctrl-C does, so that its run is marked and its children end."""
        log_levels.quiet_libraries()
        previous = signal.signal(signal.SIGTERM, interrupt)
        try:
            return super().invoke(ctx)
        except RustmlError as error:
            self._note(str(error))
            raise _failure(str(error), error.exit_code) from error
        except OSError as error:
            text = _of_the_disk(error)
            if not text:
                raise
            self._note(text)
            raise _failure(text, EnvironmentFault.exit_code) from error
        except KeyboardInterrupt as error:
            raise _failure("interrupted; run it again to resume", INTERRUPTED) from error
        finally:
            signal.signal(signal.SIGTERM, previous)

    def _note(self, reason: str) -> None:
        """Name the run that `mlflow run` opened for this command, and say in it why nothing was started."""
        if RUN_ID in os.environ:
            from rustml.runs.open_run import fail_early

            fail_early(f"{self.name} failed", reason)


def _of_the_disk(error: OSError) -> str:
    """What the user can do about a file that cannot be written; empty for any other error."""
    file = error.filename or "no file named"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({file}); free some space and run it again: it resumes"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{error.strerror}: {file}. Make it writable, or start the command in a folder of your own"
    return ""


def _explain(profile: str, overrides: tuple[str, ...]) -> None:
    """Print every value of the profile with its origin."""
    try:
        click.echo(table(origins(profile, overrides)))
    except RustmlError as error:
        raise _failure(str(error), error.exit_code) from error


def _failure(text: str, code: int) -> click.ClickException:
    failure = click.ClickException(text)
    failure.exit_code = code  # type: ignore[misc]  # click reads it from the instance
    return failure


def stage_command(
    name: str, *, reusable: bool = True, shorthands: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[..., StageRun | None]], click.Command]:
    """Make a function a command whose help is the docstring of the function's module.

    The command has `--profile`, `--set`, `--explain` and, where `reusable`, `--reuse` after the function's own options.
    The function gets the loaded profile first. What it returns, if anything, is told in a closing line. `shorthands`
    are options of the function that are overrides, by the key that each sets, before those of `--set`.
    """

    def decorate(function: Callable[..., StageRun | None]) -> click.Command:
        @functools.wraps(function)
        def load_and_run(profile: str, overrides: tuple[str, ...], **options: Any) -> None:
            values = {key: options.pop(option) for option, key in shorthands.items()}
            short = tuple(f"{key}={value}" for key, value in values.items() if value)
            run = function(load(profile, (*short, *overrides)), **options)
            if run is not None:
                click.echo(f"{name}: {_closing(run)}")

        text = sys.modules[function.__module__].__doc__
        command = click.command(name, cls=StageCommand, help=text, context_settings={"show_default": True})
        stage = command(load_and_run)
        stage.params += _shared_options(reusable=reusable)
        return stage

    return decorate


def _shared_options(*, reusable: bool) -> list[click.Parameter]:
    where = "Profile: a name from profiles/ or the path of a YAML file."
    changes = "Overrides of the profile by dotted key, such as `sft.steps=20 preset=NAME`; see docs/profile.md."
    options: list[click.Parameter] = [
        click.Option(["--profile"], default="tiny", help=where),
        click.Option(["--set", "overrides"], type=Overrides(), default="", help=changes),
    ]
    explain = "Print each value of the profile and where it came from, and exit."
    options.append(click.Option([EXPLAIN], is_flag=True, expose_value=False, help=explain))
    if reusable:
        text = "Take over a finished run with the same stage key."
        options.append(click.Option(["--reuse"], type=bool, default=True, help=text))
    return options


def _closing(run: StageRun) -> str:
    return f"reused run {run.run_id}" if run.reused else f"run {run.run_id} in {run.seconds:.1f} s"
