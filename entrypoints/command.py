"""What all commands share: options, exit codes, signals."""

import errno
import signal
from collections.abc import Callable
from typing import Any

import click

from rustml.errors import EnvironmentFault, RustmlError
from rustml.runs import log_levels
from rustml.runs.signals import interrupt

INTERRUPTED = 130


class StageCommand(click.Command):
    """A command whose failures are one clear line and an exit code (rustml/errors.py), not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a request to stop ends it as Ctrl-C does, so that its run is marked and its children end."""
        log_levels.quiet_libraries()
        previous = signal.signal(signal.SIGTERM, interrupt)
        try:
            return super().invoke(ctx)
        except RustmlError as error:
            raise _failure(str(error), error.exit_code) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            text = (
                f"the disk is full ({error.filename or 'no file named'}); free some space and run it again: it resumes"
            )
            raise _failure(text, EnvironmentFault.exit_code) from error
        except KeyboardInterrupt as error:
            raise _failure("interrupted; run it again to resume", INTERRUPTED) from error
        finally:
            signal.signal(signal.SIGTERM, previous)


def _failure(text: str, code: int) -> click.ClickException:
    failure = click.ClickException(text)
    failure.exit_code = code  # type: ignore[misc]  # click reads it from the instance
    return failure


def stage_command(name: str, *, reusable: bool = True) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command with the options that all stages share: `--profile` and, where it can be, `--reuse`."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        command = click.command(name, cls=StageCommand, context_settings={"show_default": True})(function)
        where = "Profile: a name from profiles/ or the path of a YAML file."
        command.params.append(click.Option(["--profile"], default="tiny", help=where))
        if reusable:
            what = "Take over a finished run with the same stage key."
            command.params.append(click.Option(["--reuse"], type=bool, default=True, help=what))
        return command

    return decorate


def say(run_id: str, name: str, seconds: float, *, reused: bool) -> None:
    """The closing line of a stage."""
    how = f"reused run {run_id}" if reused else f"run {run_id} in {seconds:.1f} s"
    click.echo(f"{name}: {how}")
