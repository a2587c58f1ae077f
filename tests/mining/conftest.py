"""A crate of a few functions, as the harvest hands it over, and the section to vary."""

from collections.abc import Callable

import msgspec
import pytest

from rustml.profile import load
from rustml.profile.mine import MineSection
from rustml.records import Origin, SourceFile

LIBRARY = """\
//! A small crate.
mod limits;
pub use crate::limits::Limit;
use std::collections::BTreeMap;

/// Clamps a value to the limit from above, and counts what was cut.
///
/// # Examples
///
/// ```
/// use small_crate::{clamp, Limit};
/// assert_eq!(clamp(9, Limit::new(4)), (4, 5));
/// assert_eq!(clamp(3, Limit::new(4)), (3, 0));
/// ```
pub fn clamp(value: u32, limit: Limit) -> (u32, u32) {
    let top = limit.top();
    if value > top {
        (top, value - top)
    } else {
        (value, 0)
    }
}

/// Counts the words of a text, each by its first letter.
pub fn initials(text: &str) -> BTreeMap<char, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        if let Some(letter) = word.chars().next() {
            *counts.entry(letter).or_insert(0) += 1;
        }
    }
    counts
}

/// Says nothing that an example would check: it has none.
pub fn untested(value: u32) -> u32 {
    value.wrapping_mul(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> &'static str {
        "ab ac b"
    }

    #[test]
    fn counts_initials() {
        let counts = initials(sample());
        assert_eq!(counts[&'a'], 2);
        assert_eq!(counts.len(), 2);
    }
}
"""
LIMITS = """\
/// A bound from above.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    top: u32,
}

impl Limit {
    /// Makes a limit.
    pub fn new(top: u32) -> Self {
        Limit { top }
    }

    /// The doubled limit, or the largest number where it does not fit.
    ///
    /// ```
    /// # use small_crate::Limit;
    /// let limit = Limit::new(21).doubled();
    /// assert_eq!(limit.top(), 42);
    /// ```
    pub fn doubled(self) -> Limit {
        Limit { top: self.top.saturating_mul(2) }
    }

    /// The number itself.
    pub fn top(&self) -> u32 {
        self.top
    }

    fn unused(&self) {}
}
"""


@pytest.fixture
def crate() -> list[SourceFile]:
    """The crate's files."""
    origin = Origin(kind="crate", name="small-crate", version="1.0.0", licence="MIT", sha256="0" * 64)
    return [
        SourceFile(origin=msgspec.structs.replace(origin, path="src/lib.rs"), text=LIBRARY),
        SourceFile(origin=msgspec.structs.replace(origin, path="src/limits.rs"), text=LIMITS),
    ]


@pytest.fixture
def section() -> Callable[..., MineSection]:
    """The defaults with changes, for functions that stand by themselves."""

    def make(**changes: object) -> MineSection:
        return msgspec.structs.replace(load("tiny").mine, **{"worlds": ("alone",), **changes})

    return make
