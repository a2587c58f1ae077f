"""Compile, lint and test untrusted code in a sandbox; one verdict per candidate, in order."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entrypoints._support.command import stage_command
from rustml.profile import Profile
from rustml.sandbox.sandbox import SANDBOXES

if TYPE_CHECKING:
    from rustml.judge.batch_file import BatchSummary


@stage_command("judge", reusable=False)
@click.option(
    "--candidates", required=True, type=click.Path(path_type=Path), help="JSON Lines, one candidate per line."
)
@click.option(
    "--output",
    default="verdicts.jsonl",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the verdicts, one per line.",
)
@click.option(
    "--workers", type=click.IntRange(min=0), default=0, help="Batches judged at a time; 0 takes one per processor."
)
@click.option("--lints", type=bool, default=True, help="Run clippy too.")
@click.option("--cache", default="", help="Folder that keeps verdicts; empty keeps none.")
@click.option(
    "--sandbox",
    type=click.Choice(["profile", *SANDBOXES]),
    default="profile",
    help="`profile` takes `judge.sandbox`. `none` is for trusted code alone, and every verdict says so.",
)
def main(
    profile: Profile, candidates: Path, output: Path, workers: int, cache: str, sandbox: str, **options: Any
) -> None:
    from rustml.judge import Judge, Limits
    from rustml.judge.batch_file import judge_jsonl, read_candidates
    from rustml.runs.progress import Progress

    read_candidates(candidates)
    limits, folder = Limits.from_section(profile.judge), Path(cache) if cache else None
    options |= {
        "batch_size": profile.judge.batch_size,
        "sandbox": profile.judge.sandbox if sandbox == "profile" else sandbox,
    }
    judge = Judge(limits, workers=workers or None, cache=folder, **options)
    with judge, Progress("judge") as progress:
        summary = judge_jsonl(judge, candidates, output, progress)
    click.echo(table(summary))
    click.echo(f"verdicts: {output}")


def table(summary: "BatchSummary") -> str:
    """The statuses with their counts and shares, one per line."""
    lines = [f"{status:16} {count:7,}  {count / summary.candidates:6.1%}" for status, count in summary.statuses.items()]
    rate = summary.candidates / max(summary.seconds, 1e-9)
    lines.append(
        f"{summary.candidates:,} verdicts in {summary.seconds:.1f} s, {rate:.1f} per second, {summary.sandbox}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
