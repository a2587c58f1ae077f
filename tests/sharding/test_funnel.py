"""Funnels: nothing is lost in the sum, and samples are taken in order."""

from hypothesis import given
from hypothesis import strategies as st

from rustml.sharding import Funnel, merge, rows

EVENTS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.integers(0, 99)), max_size=60)


def count(events: list[tuple[str, str, int]]) -> Funnel:
    funnel = Funnel("ab")
    for stage, reason, number in events:
        if reason:
            funnel.drop(stage, reason, str(number))
        else:
            funnel.keep(stage)
    return funnel


@given(events=EVENTS, cut=st.integers(0, 60))
def test_the_sum_of_parts_is_the_funnel_of_the_whole(events: list[tuple[str, str, int]], cut: int) -> None:
    parts = [count(events[:cut]).steps(), count(events[cut:]).steps()]
    assert merge(parts, "ab") == count(events).steps()


def test_rows_name_step_outcome_and_samples() -> None:
    funnel = Funnel(["size"])
    funnel.keep("size", 5)
    funnel.drop("size", "too_long", "a.rs", 2)
    assert rows(funnel.steps()) == [
        {"step": "size", "outcome": "kept", "count": 5, "samples": ""},
        {"step": "size", "outcome": "too_long", "count": 2, "samples": "a.rs"},
    ]
