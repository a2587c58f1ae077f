"""Compile, lint and test untrusted code in a sandbox; one verdict per candidate, in order."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.errors import InputError
from rustml.profile import Profile
from rustml.sandbox.sandbox import SANDBOXES

if TYPE_CHECKING:
    from rustml.judge.batch_file import BatchSummary


@stage_command("judge", reusable=False)
@click.option("--candidates", default="", help="JSON Lines, one candidate per line.")
@click.option(
    "--output",
    default="verdicts.jsonl",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the verdicts on candidates, one per line.",
)
@click.option(
    "--workers", type=click.IntRange(min=0), default=0, help="Batches judged at a time; 0 takes one per processor."
)
@click.option("--lints", type=bool, default=True, help="Run clippy too; samples are always linted.")
@click.option("--cache", default="", help="Folder that keeps verdicts on candidates; empty keeps none.")
@click.option(
    "--sandbox",
    type=click.Choice(["profile", *SANDBOXES]),
    default="profile",
    help="`profile` takes `judge.sandbox`. `none` is for trusted code alone, and every verdict says so.",
)
@click.option(
    "--samples",
    default="",
    help="In the place of candidates: JSON Lines (also .gz) or parquet of answers without tests, to compile and lint.",
)
@click.option("--column", default="", help="Of the samples: where the answer is; empty takes the first known column.")
@click.option("--edition", type=click.Choice(["2015", "2018", "2021", "2024"]), default="2021", help="Of the samples.")
@click.option("--min-characters", type=click.IntRange(min=0), default=0, help="Shorter samples are set aside.")
@click.option(
    "--min-lines", type=click.IntRange(min=0), default=0, help="Samples of fewer lines, blank ones apart, too."
)
@click.option("--complete", type=bool, default=False, help="Set aside samples that break off or do not parse.")
@click.option("--main", "needs_main", type=bool, default=False, help="Set aside samples without `fn main`.")
@click.option(
    "--serve", type=bool, is_flag=False, flag_value=True, default=False, help="Judge what is asked for over HTTP."
)
@click.option("--host", default="127.0.0.1", help="Of the server; another than loopback needs RUSTML_JUDGE_KEY.")
@click.option("--port", type=click.IntRange(0, 65535), default=8377, help="Of the server; 0 takes a free one.")
@click.option("--max-mb", type=click.IntRange(min=1), default=64, help="Size of a request at most, MiB.")
@click.option("--queue", type=click.IntRange(min=0), default=16, help="Requests that may wait; others get a 503.")
def main(profile: Profile, candidates: str, samples: str, *, serve: bool, **options: Any) -> StageRun | None:
    if [bool(candidates), bool(samples), serve].count(True) != 1:
        raise InputError("give --candidates, --samples or --serve, and one of them alone")
    if serve:
        _serve(profile, options)
        return None
    if samples:
        return _judge_samples(profile, Path(samples), options)
    _judge(profile, Path(candidates), options)
    return None


def _judge(profile: Profile, candidates: Path, options: Mapping[str, Any]) -> None:
    from rustml.judge.batch_file import judge_jsonl, read_candidates
    from rustml.runs import tracking
    from rustml.runs.progress import Progress
    from rustml.stages.judging import open_local_judge

    read_candidates(candidates)
    judge = open_local_judge(
        profile,
        tracking.cache_layout(),
        lints=options["lints"],
        verdicts=Path(options["cache"]) if options["cache"] else None,
        workers=options["workers"] or None,
        sandbox="" if options["sandbox"] == "profile" else options["sandbox"],
    )
    with judge, Progress("judge") as progress:
        summary = judge_jsonl(judge, candidates, options["output"], progress)
    click.echo(table(summary))
    click.echo(f"verdicts: {options['output']}")


def _serve(profile: Profile, options: Mapping[str, Any]) -> None:
    from rustml.stages.judge_service import serve

    sandbox = "" if options["sandbox"] == "profile" else options["sandbox"]
    names = ("host", "port", "max_mb", "queue")
    serve(profile, **{name: options[name] for name in names}, workers=options["workers"] or None, sandbox=sandbox)


def _judge_samples(profile: Profile, samples: Path, options: Mapping[str, Any]) -> StageRun:
    from rustml.evaluation.samples.sample_filter import SampleFilter
    from rustml.stages.samples import run

    names = ("min_characters", "min_lines", "complete")
    sample_filter = SampleFilter(main=options["needs_main"], **{name: options[name] for name in names})
    edition, workers = options["edition"], options["workers"] or None
    done = run(
        profile, samples, column=options["column"], edition=edition, sample_filter=sample_filter, workers=workers
    )
    for name, value in sorted(done.metrics.items()):
        click.echo(f"  {name:40} {value:.4g}")
    return done


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
