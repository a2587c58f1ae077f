"""List evaluations by suite with intervals and protocol digests, and refuse to rank across protocols."""

from collections.abc import Iterator
from pathlib import Path

from rustml.errors import EvidenceError, InputError
from rustml.evaluation.results.report_file import Evaluation
from rustml.io import write_bytes
from rustml.profile import Profile
from rustml.release import leaderboard
from rustml.release.leaderboard import Entry
from rustml.release.registry import open_registry
from rustml.runs import tracking

TITLE = "evaluate "


def run(
    profile: Profile, *, suites: tuple[str, ...] = (), metric: str = "pass", protocol: str = "", output: str = ""
) -> list[Entry]:
    """The entries of all complete evaluations of the store, logged as page and CSV, and written to `output` as well.

    `protocol` is the beginning of a protocol's digest: only that one. Raises InputError where there is nothing to list,
    and, without `protocol`, where a suite was measured under several protocols; `output` ends in .csv or .html.
    """
    if output and Path(output).suffix not in (".csv", ".html"):
        raise InputError(f"output: {output} ends neither in .csv nor in .html")
    rows = leaderboard.entries(_evaluations(profile), metric, suites)
    rows = [row for row in rows if row.protocol.startswith(protocol)]
    if not rows:
        raise InputError(
            f"no evaluation has metric {metric} of {', '.join(suites) or 'any suite'}: run `evaluate` first"
        )
    leaderboard.check_one_protocol(rows)
    texts = {".csv": leaderboard.as_csv(rows), ".html": leaderboard.as_html(rows)}
    if output:
        write_bytes(Path(output), texts[Path(output).suffix].encode())
    with tracking.plain_run("leaderboard", {"metric": metric}, title=f"leaderboard {metric}") as run_id:
        for suffix, text in texts.items():
            tracking.client().log_text(run_id, text, f"leaderboard{suffix}")
    return rows


def _evaluations(profile: Profile) -> Iterator[tuple[str, str, Evaluation]]:
    """Run id, name and report of every complete evaluation whose report is still there, the newest first."""
    registry = open_registry(profile.registered_model)
    for run_id in tracking.complete_runs("evaluate"):
        try:
            report = registry.evaluation(run_id)
        except EvidenceError:
            continue
        name = str(tracking.client().get_run(run_id).info.run_name).removeprefix(TITLE)
        yield run_id, name, report
