"""What `evaluate` leaves out, it says."""

import pytest
from click.testing import CliRunner

from entrypoints import evaluate
from rustml.runs import tracking


@pytest.mark.parametrize(
    ("words", "says"),
    [([], True), (["--pairs", "p"], False), (["--suites", "rust"], False)],
    ids=["neither pairs nor a choice", "with pairs", "suites chosen"],
)
def test_a_suite_that_is_left_out_is_named(words: list[str], says: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tracking.Finished(run_id="r", digest="d", metrics={}, tags={}, seconds=1.0)
    monkeypatch.setattr("rustml.stages.evaluate.run", lambda *_args, **_options: done)
    result = CliRunner().invoke(evaluate.main, ["--model", "m", "--bank", "b", *words])
    assert result.exit_code == 0, result.output
    assert ("left out: holdout" in result.output) == says
