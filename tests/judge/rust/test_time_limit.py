"""The judge's own reading of a text ends after some processor time, however long it waits for a processor."""

import time

import pytest

from rustml.judge.screening.time_limit import TooSlow, time_limit


def compute(seconds: float) -> None:
    with time_limit(seconds):
        while True:
            pass


def test_reading_that_computes_too_long_ends() -> None:
    with pytest.raises(TooSlow):
        compute(0.05)


def test_reading_that_waits_for_a_processor_goes_on() -> None:
    with time_limit(0.05):
        time.sleep(0.2)


def test_nothing_is_raised_behind_the_block() -> None:
    for _ in range(20):
        with time_limit(0.001):
            pass
    time.sleep(0.01)
