"""Trace a training record back to its legal basis: crate, version, licence, file, checksums, address."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from entrypoints.command import StageCommand
from rustml.errors import InputError
from rustml.pairs.trace import PARTS, basis, find
from rustml.profile import load


@click.command("trace", cls=StageCommand, context_settings={"show_default": True})
@click.option("--pair", required=True, help="Id of the record, or the beginning of one.")
@click.option("--profile", default="tiny", help="Profile whose licence list the record is held to.")
@click.option("--output", default="", help="Output folder of a pairs stage; empty takes those of complete runs.")
def main(pair: str, profile: str, output: str) -> None:
    """Trace a training record back to its legal basis, once for each place that holds it."""
    licences = load(profile).pairs.licences
    folders: Iterable[Path] = [_folder(output)] if output else _outputs()
    for folder in folders:
        found = list(find(pair, folder))
        if found:
            for part, record in found:
                for name, value in basis(part, record, licences):
                    click.echo(f"{name:>15}  {value}")
                click.echo()
            return
    raise InputError(f"no output of the pairs stage holds a record {pair}; --output names a folder to look in")


def _folder(output: str) -> Path:
    if not Path(output).is_dir():
        raise InputError(f"--output: there is no folder {output}")
    return Path(output)


def _outputs() -> Iterator[Path]:
    """Outputs of the pairs stage in the tracking store, of all experiments, newest first; gone ones are passed over."""
    from rustml.runs import tracking  # noqa: PLC0415  seconds to load, and not needed with --output

    store = tracking.client()
    experiments = [experiment.experiment_id for experiment in store.search_experiments()]
    query = f"tags.`{tracking.STAGE}` = 'pairs'"
    for run in store.search_runs(experiments, query, order_by=["attributes.start_time DESC"]):
        if tracking.OUTPUT in run.data.tags:
            folder = tracking.output(run.info.run_id)
            if any((folder / f"{part}.jsonl").is_file() for part in PARTS):
                yield folder


if __name__ == "__main__":
    main()
