"""What the stage says of hold-out suites."""

import pytest

from rustml.evaluation.suites.account import Account
from rustml.stages.evaluate import _told


def account(compiled: int, reason: str, excluded: int) -> Account:
    return Account(
        asked=compiled + excluded,
        compiled=compiled,
        tested=0,
        excluded={reason: excluded},
        crates=[],
        complaints={},
        dependencies={},
    )


def test_what_is_judged_is_a_line_and_that_nothing_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    _told({"some": account(1, "file_changed", 2), "none": account(0, "no_crate_source", 3)})
    said = capsys.readouterr().out
    assert "some: 3 pairs ask for code; judged in place by the compiler 1" in said
    assert "none: 3 pairs ask for code; judged in place by the compiler 0" in said
    (warning,) = [line for line in said.splitlines() if "WARNING" in line]
    assert "none of 3 pairs" in warning
    assert "harvest.unpack" in warning


def test_an_evaluation_without_a_hold_out_suite_says_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _told({}) == {}
    assert capsys.readouterr().out == ""
