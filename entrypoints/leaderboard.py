"""List evaluations by suite with intervals and protocol digests, and refuse to rank across protocols."""

import click

from entrypoints._support.command import stage_command
from rustml.profile import Profile


@stage_command("leaderboard", reusable=False)
@click.option("--suites", default="", help="Comma-separated suites; empty takes all.")
@click.option("--metric", default="pass", help="Metric of rustml/evaluation/metrics.py to rank by.")
@click.option("--protocol", default="", help="Beginning of a protocol's digest, where there are several.")
@click.option("--output", default="", type=click.Path(dir_okay=False), help="File to write: .csv or .html.")
def main(profile: Profile, suites: str, **options: str) -> None:
    from rustml.release.leaderboard import COLUMNS, cells
    from rustml.stages import leaderboard

    rows = leaderboard.run(profile, suites=tuple(filter(None, suites.split(","))), **options)
    lines = [list(COLUMNS), *cells(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
