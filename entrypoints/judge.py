"""Judge a file of candidates: `python -m entrypoints.judge --candidates FILE --output FILE`."""

from pathlib import Path

import click

from entrypoints.command import StageCommand
from rustml import profile
from rustml.judge import Judge, Limits
from rustml.judge.batch_file import Summary, judge_file, read_candidates
from rustml.runs.progress import Progress
from rustml.sandbox.bubblewrap import Kind


@click.command(cls=StageCommand)
@click.option("--candidates", required=True, type=click.Path(path_type=Path), help="JSON Lines, one candidate a line.")
@click.option(
    "--output",
    default="verdicts.jsonl",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the verdicts go, one a line.",
)
@click.option("--profile", "profile_name", default="tiny", show_default=True, help="Profile that states the limits.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Batches judged at a time; 0 takes one a processor.",
)
@click.option("--lints", type=bool, default=True, show_default=True, help="Ask clippy too.")
@click.option("--cache", default="", help="Folder that keeps verdicts; empty keeps none.")
@click.option(
    "--sandbox",
    type=click.Choice(["bubblewrap", "none"]),
    default="bubblewrap",
    show_default=True,
    help="`none` is for trusted code alone, and every verdict says so.",
)
def main(
    candidates: Path,
    output: Path,
    profile_name: str,
    workers: int,
    lints: bool,
    cache: str,
    sandbox: Kind,
) -> None:
    """Compile, lint and test untrusted code in a sandbox, and write one verdict a candidate, in order."""
    section = profile.load(profile_name).judge
    read_candidates(candidates)
    judge = Judge(
        Limits.from_section(section),
        workers=workers or None,
        sandbox=sandbox,
        lints=lints,
        cache=Path(cache) if cache else None,
        batch_size=section.batch_size,
    )
    with judge, Progress("judge") as progress:
        summary = judge_file(judge, candidates, output, progress)
    click.echo(table(summary))
    click.echo(f"verdicts: {output}")


def table(summary: Summary) -> str:
    """The statuses with their counts and shares, one a line."""
    lines = [f"{status:16} {count:7,}  {count / summary.candidates:6.1%}" for status, count in summary.statuses.items()]
    rate = summary.candidates / max(summary.seconds, 1e-9)
    lines.append(f"{summary.candidates:,} verdicts in {summary.seconds:.1f} s, {rate:.1f} a second, {summary.sandbox}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
