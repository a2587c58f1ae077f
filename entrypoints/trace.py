"""Trace a training record back to its legal basis, once for each place that holds it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from entrypoints._support.command import stage_command
from rustml.errors import InputError
from rustml.profile import Profile


@stage_command("trace", reusable=False)
@click.option("--pair", required=True, help="Id of the record, or the beginning of one.")
@click.option("--output", default="", help="Output folder of a pairs stage; empty takes those of complete runs.")
def main(profile: Profile, pair: str, output: str) -> None:
    from rustml.pairs.trace import basis, find

    for folder in _given(output) if output else _logged():
        records = list(find(pair, folder))
        for part, record in records:
            for name, value in basis(part, record, profile.pairs.licences):
                click.echo(f"{name:>15}  {value}")
            click.echo()
        if records:
            return
    raise InputError(f"no output of the pairs stage holds a record {pair}; --output names a folder to look in")


def _given(output: str) -> Iterable[Path]:
    if not Path(output).is_dir():
        raise InputError(f"--output: there is no folder {output}")
    return [Path(output)]


def _logged() -> Iterator[Path]:
    """Outputs of the pairs stage in the tracking store whose files are still there, the newest first."""
    from rustml.pairs.split import PARTS
    from rustml.runs import tracking

    for folder in tracking.outputs_of("pairs"):
        if any((folder / f"{part}.jsonl").is_file() for part in PARTS):
            yield folder


if __name__ == "__main__":
    main()
