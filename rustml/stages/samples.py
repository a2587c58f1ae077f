"""Judge a file of samples without tests: compile, lints and style alone."""

from pathlib import Path

import msgspec

from rustml.contents import file_contents
from rustml.evaluation.samples.sample_file import read_samples
from rustml.evaluation.samples.sample_filter import SampleFilter
from rustml.evaluation.samples.sample_report import error_table, judge_samples, lint_table, metrics
from rustml.profile import Profile
from rustml.records import write_jsonl
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages.judging import judging_environment, open_judge

OUTPUT = "samples.jsonl"
STAGE = Stage("samples", ("judge", "evaluation.dependencies"), __name__, environment=judging_environment)


def run(
    profile: Profile, path: Path, *, column: str, edition: str, sample_filter: SampleFilter, workers: int | None
) -> tracking.Finished:
    """Run the stage, or find the run that judged the same samples in the same way.

    `column` holds the answers, empty for the first known one; `workers` moves no result. Raises InputError for a file
    that holds no samples.
    """
    samples = read_samples(path, column)

    def body(space: Workspace) -> Outcome:
        with open_judge(profile, space.cache, workers=workers) as judge, Progress("samples judged") as progress:
            judged = judge_samples(judge, samples, sample_filter, edition, progress)
        write_jsonl(space.out / OUTPUT, judged)
        tables = {"lints.json": lint_table(judged), "errors.json": error_table(judged)}
        return Outcome(
            {f"samples.{name}": value for name, value in metrics(judged).items()},
            {name: rows for name, rows in tables.items() if rows},
            {"samples": space.out / OUTPUT},
        )

    params = {
        "samples": file_contents(path, "samples"),
        "column": column,
        "edition": edition,
        "filter": msgspec.json.encode(sample_filter).decode(),
    }
    return tracking.run_stage(STAGE, profile, body, params=params, title=f"samples {path.name}")
