"""The page of an evaluation's run names the command that can follow, and no numbers that it lacks."""

import msgspec

from rustml.stages.report.evaluation_note import note
from tests.support.evaluations import evaluation_of


def test_a_version_with_a_retention_suite_goes_to_its_gate() -> None:
    text = note(evaluation_of("weights", rust=[True] * 8 + [False] * 2, python=[True] * 10), "grpo v2")
    assert text.startswith("Passes: rust 80.0% (49.0 to 94.3)")
    assert text.endswith("Next: `mlflow run . -e promote -P candidate=2 -P to=grpo`")


def test_what_no_gate_reads_goes_to_the_leaderboard() -> None:
    report = evaluation_of("weights", rust=[True] * 10, python=[True] * 10)
    alone = msgspec.structs.replace(report, suites={"rust": report.suites["rust"]})
    for evaluation, label in ((alone, "grpo v2"), (report, "base"), (report, "a folder")):
        assert note(evaluation, label).endswith("Next: `mlflow run . -e leaderboard`")
