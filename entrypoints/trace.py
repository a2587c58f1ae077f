"""Trace a training record back to its legal basis, once for each place that holds it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints._support.command import stage_command
from rustml.errors import InputError
from rustml.profile import Profile

if TYPE_CHECKING:
    from rustml.stages.trace import Output


@stage_command("trace", reusable=False)
@click.option("--pair", required=True, help="Id of the record, or the beginning of one.")
@click.option("--output", default="", help="Output folder of a pairs stage; empty takes those of complete runs.")
@click.option(
    "--fetch",
    type=bool,
    is_flag=False,
    flag_value=True,
    default=False,
    help="Bring a missing archive from the recorded address; other bytes are refused.",
)
def main(profile: Profile, pair: str, output: str, fetch: bool) -> None:
    from rustml.runs import tracking
    from rustml.stages.trace import Tracer

    outputs = [_given(output)] if output else _logged()
    for line in Tracer(profile, tracking.cache_layout, fetch=fetch).report(pair, outputs):
        click.echo(line)


def _given(output: str) -> "Output":
    from rustml.stages.trace import Output

    if not Path(output).is_dir():
        raise InputError(f"--output: there is no folder {output}")
    return Output(Path(output))


def _logged() -> "Iterator[Output]":
    """Outputs of the pairs stage, then of the mine stage, in the tracking store, each the newest first."""
    from rustml.runs import tracking
    from rustml.stages.trace import Output

    for stage in ("pairs", "mine"):
        for run_id in tracking.complete_runs(stage):
            folder = tracking.output(run_id)
            yield Output(folder, run_id)


if __name__ == "__main__":
    main()
