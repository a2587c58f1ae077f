"""A Cargo directory source with two crates written here, and hold-out pairs of one of them."""

import hashlib
import json
from pathlib import Path

from rustml.records import Candidate, Origin, Pair
from rustml.rust.lexer import squeeze
from rustml.rust.syntax import Span, functions

LIBRARY = """#![deny(warnings)]
//! ```
//! assert_eq!(shop::total(&[1, 2]), 6);
//! ```
use coin::VALUE;

fn unused_and_therefore_denied() {}

/// Sums the prices of a cart, each worth a coin.
///
/// ```
/// # use shop::total;
/// assert_eq!(total(&[1]), 2);
/// ```
///
/// ```no_run
/// panic!();
/// ```
pub fn total(prices: &[u32]) -> u32 {
    let mut sum = 0;
    for price in prices {
        sum += price * VALUE;
    }
    sum
}

/// A shop.
pub struct Shop {
    stock: Vec<u32>,
}

impl Shop {
    /// Opens a shop with this stock.
    #[must_use]
    pub fn new(stock: Vec<u32>) -> Self {
        Self { stock }
    }

    /// How much everything in stock costs together.
    pub fn worth(&self) -> u32 {
        total(&self.stock) + hidden(1)
    }
}

fn hidden(a: u32) -> u32 {
    let b = a * 3;
    b - 3
}

/// Not for this machine.
#[cfg(windows)]
pub fn elsewhere() -> u32 {
    7
}

#[cfg(feature = "std")]
/// Behind a feature that is on by default.
pub fn featured() -> u32 {
    8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_worth_its_stock() {
        assert_eq!(Shop::new(vec![2, 3]).worth(), 10);
    }

    #[test]
    fn nothing_to_do_with_it() {
        assert_eq!(1 + 1, 2);
    }

    #[test]
    #[should_panic]
    fn panics_anyway() {
        total(&[u32::MAX, u32::MAX]);
        panic!();
    }
}
"""
MANIFEST = """[package]
name = "shop"
version = "1.0.0"
edition = "2021"
license = "MIT"

[lib]
test = false

[features]
default = ["std"]
std = []
nightly = []
fast = ["missing"]

[dependencies]
coin = "0.3"
missing = {version = "1", optional = true}

[target."cfg(windows)".dependencies]
winapi = "0.3"

[dev-dependencies]
criterion = "0.5"

[[bench]]
name = "speed"
harness = false
"""
OUTER = """#![deny(warnings)]
#[macro_use]
extern crate shop;
mod common;

#[test]
fn a_cart_is_summed_from_outside() {
    assert_eq!(shop::total(&[common::PRICE]), 6);
}

#[test]
fn nothing_to_do_with_it() {
    assert_eq!(common::PRICE, 3);
}
"""
OUTER_FILES = {
    "tests/whole-cart.rs": OUTER,
    "tests/common/mod.rs": "pub const PRICE: u32 = 3;\n",
    "tests/elsewhere.rs": "use absent::anything;\n\n#[test]\nfn absent() {}\n",
    "tests/measured.rs": "use criterion::Criterion;\n\n#[test]\nfn absent() {}\n",
}
"""Tests that use the shop from outside; two files need crates that are not there, one of them a known dependency."""
COIN = '[package]\nname = "coin"\nversion = "0.3.1"\nedition = "2018"\nlicense = "MIT"\n'


def write_source(vendor: Path) -> Path:
    """Write both crates; returns the folder of `shop`."""
    crates = {
        "coin-0.3.1": {"Cargo.toml": COIN, "src/lib.rs": "pub const VALUE: u32 = 2;\n"},
        "shop-1.0.0": {"Cargo.toml": MANIFEST, "src/lib.rs": LIBRARY, **OUTER_FILES},
    }
    for name, files in crates.items():
        for path, text in files.items():
            place = vendor / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        (vendor / name / ".cargo-checksum.json").write_text(json.dumps({"package": None, "files": {}}))
    return vendor / "shop-1.0.0"


def origin(vendor: Path) -> Origin:
    folder = vendor / "shop-1.0.0"
    return Origin(
        kind="crate",
        name="shop",
        licence="MIT",
        version="1.0.0",
        path="src/lib.rs",
        url=folder.as_uri(),
        registry=f"directory+{vendor}",
        sha256=hashlib.sha256((folder / "src/lib.rs").read_bytes()).hexdigest(),
    )


def pair(
    vendor: Path, answer: str, *, task: str = "sig_doc_impl", tested: str = "", function: str = "", **fields: str
) -> Pair:
    """A pair of the shop. `function` is what stands in the file where that is not the answer; `tested` a function."""
    return Pair(
        id=hashlib.sha256(f"{task}{answer}".encode()).hexdigest()[:16],
        task=task,
        instruction="ask",
        answer=f"```rust\n{answer}\n```",
        origin=origin(vendor),
        span=span(vendor, function or answer),
        tested=span(vendor, tested) if tested else (0, 0),
        **fields,  # type: ignore[arg-type]  # `context` and `given`
    )


def span(vendor: Path, code: str) -> tuple[int, int]:
    """Where the function of this code stands in the shop's library; (0, 0) where it does not."""
    source = (vendor / "shop-1.0.0" / "src/lib.rs").read_bytes()
    (wanted,) = (_words(code.encode(), item) for item in functions(code.encode()))
    matches = [(item.start, item.end) for item in functions(source) if _words(source, item) == wanted]
    return matches[0] if matches else (0, 0)


def _words(source: bytes, item: Span) -> str:
    return squeeze(source[item.start : item.end].decode())


TOTAL = """pub fn total(prices: &[u32]) -> u32 {
    let mut sum = 0;
    for price in prices {
        sum += price * VALUE;
    }
    sum
}"""
NEW = "#[must_use]\npub fn new(stock: Vec<u32>) -> Self {\n    Self { stock }\n}"
HIDDEN = "fn hidden(a: u32) -> u32 {\n    let b = a * 3;\n    b - 3\n}"
WORTH = "pub fn worth(&self) -> u32 {\n    total(&self.stock) + hidden(1)\n}"
WORTH_TEST = "#[test]\nfn a_shop_is_worth_its_stock() {\n    assert_eq!(Shop::new(vec![2, 3]).worth(), 10);\n}"
ELSEWHERE = "#[cfg(windows)]\npub fn elsewhere() -> u32 {\n    7\n}"
FEATURED = '#[cfg(feature = "std")]\npub fn featured() -> u32 {\n    8\n}'


def candidate(made: Pair, code: str) -> Candidate:
    return Candidate(id=f"{made.id}#0", code=code, tests="", entry_point="")
