"""What progress prints into a log, and that work without items prints nothing."""

import io

import pytest

from rustml.runs.progress import Progress


def test_finished_work_is_one_line() -> None:
    log = io.StringIO()
    with Progress("answers judged", 3, log) as progress:
        progress(3)
    assert log.getvalue().startswith("  answers judged  3/3  in ")


def test_work_without_items_prints_nothing() -> None:
    log = io.StringIO()
    with Progress("crates of the hold-out", stream=log) as progress:
        progress(0, 0)
    assert log.getvalue() == ""


def test_work_that_stops_before_its_first_item_is_shown() -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Progress("sft", 20, log):
        raise ValueError("broken")
    assert "sft  0/20" in log.getvalue()
    assert "stopped (ValueError)" in log.getvalue()


def test_another_kind_of_item_is_counted_anew() -> None:
    progress = Progress("rust answers judged", 7, io.StringIO())
    progress(7)
    progress.begin("python answers judged")
    assert (progress.done, progress.total) == (0, 0)


def test_beginning_the_same_kind_again_goes_on() -> None:
    progress = Progress("rust answers judged", 7, io.StringIO())
    progress(5)
    progress.begin("rust answers judged")
    assert (progress.done, progress.total) == (5, 7)
