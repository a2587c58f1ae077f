"""Problems and pairs of no meaning."""

from typing import Any

import msgspec

from rustml.records import Problem

COUNTING = """\
/// Counts the items of kind {n} in a slice, each weighed by its place.
///
/// The empty slice counts as zero.
#[must_use]
pub fn count_{n}(items: &[u64], bound_{n}: u64) -> u64 {{
    let mut total_{n} = {n};
    for (place, item) in items.iter().enumerate() {{
        if *item < bound_{n} {{
            total_{n} += item * (place as u64 + {n});
        }}
    }}
    total_{n}
}}

"""
"""A documented function, another one for each `n`."""


def make_problem(identity: str, **changes: Any) -> Problem:
    """A problem that asks for an empty function, with `changes`."""
    problem = Problem(
        id=identity,
        bank="made",
        split="test",
        language="rust",
        instruction=f"task {identity}",
        entry_point="f",
        reference="fn f() {}",
        tests="#[test] fn t() {}",
        licence="MIT",
    )
    return msgspec.structs.replace(problem, **changes)
