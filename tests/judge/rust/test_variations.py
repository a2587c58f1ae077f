"""Variations of an honest program: the judge passes them where plain rustc does, and refuses them where it does not."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rustml.judge import Judge
from rustml.records import Candidate

TESTS = """
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes() {
        let mut counts: HashMap<String, usize> = HashMap::new();
        counts.insert("b".to_string(), 1);
        assert_eq!(describe("b"), (Kind::One, counts));
        assert_ne!(describe("ab").0, Kind::One);
        assert!(describe("").0 == Kind::Many && describe("").1.is_empty());
    }
}
"""
SIGNATURE = "fn describe(text: &str) -> (Kind, HashMap<String, usize>)"
ENTRY = """fn describe(text: &str) -> (Kind, HashMap<String, usize>) {
    let mut counts = HashMap::new();
    for c in text.chars() {
        *counts.entry(c.to_string()).or_insert(0) += helper(1);
    }
    (if counts.len() == 1 { Kind::One } else { Kind::Many }, counts)
}
"""
ITEMS = (
    "{derive}\n{pub}enum Kind {{ One, Many }}\n",
    "fn helper(n: usize) -> usize {{ n }}\n",
    "use std::collections::HashMap;\n",
    "{attribute}\n{pub}" + ENTRY.replace("{", "{{").replace("}", "}}"),
    "mod {module} {{ #[allow(unused)] pub(crate) struct Inner<T = i32>(pub T, (u8, u8)); }}\n",
    "impl {trait_path} for Kind {{ fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result "
    "{{ f.write_str(\"ü\") }} }}\n",
    "#[cfg(test)]\nmod {test_module} {{ use super::*; #[test] fn t() {{ let _ = helper(2); }} }}\n",
    "macro_rules! {macro} {{ ($e:expr) => {{ $e }} }}\n#[allow(unused)] fn by_macro() -> i32 {{ {macro}!(1) }}\n",
    "#[allow(unused)] const {constant}: &str = \"}}{{ // é\";\n",
)  # fmt: skip
CHOICES = {
    "derive": ["#[derive(Debug, PartialEq)]", "#[derive(Debug)]\n#[derive(Clone, Eq, PartialEq)]", "#[derive(Debug)]"],
    "pub": ["pub ", "", "pub(crate) ", "pub(self) "],
    "attribute": [
        "",
        "#[inline]",
        "#[must_use]",
        "/// Says `{{`.",
        "#[cfg(unix)]",
        "#[cfg_attr(all(), inline(always))]",
    ],
    "module": ["inner", "std_like", "tests_too", "größe", "r#mod"],
    "trait_path": ["std::fmt::Display", "core::fmt::Display", "::std::fmt::Display"],
    "test_module": ["test", "tests", "unit_tests"],
    "macro": ["identity", "asm", "double", "vec_of"],
    "constant": ["LIMIT", "ÉCLAIR", "tests_limit"],
}
HEADS = ["", "#![allow(dead_code)]\n", "//! Doc.\n", "/* a /* b */ */\n", "#![deny(clippy::all)]\n"]


@st.composite
def programs(draw: st.DrawFn) -> Candidate:
    values = {name: draw(st.sampled_from(options)) for name, options in CHOICES.items()}
    items = [item.format(**values) for item in draw(st.permutations(ITEMS))]
    if values["test_module"] == "tests":
        items = [item for item in items if "mod tests {" not in item]
    code = draw(st.sampled_from(HEADS)) + "\n".join(sorted(items, key=lambda item: "macro_rules" not in item))
    if draw(st.booleans()):
        code = code.replace("\n", "\r\n")
    edition = draw(st.sampled_from(["2018", "2021", "2024"]))
    code = draw(st.sampled_from(["", "\ufeff"])) + code
    return Candidate(id="v", code=code, tests=TESTS, entry_point="describe", signature=SIGNATURE, edition=edition)


def plain_rustc_passes(candidate: Candidate, folder: Path) -> bool:
    source, program = folder / "both.rs", folder / "both"
    source.write_bytes(f"{candidate.code}\n{candidate.tests}".encode())
    argv = ["rustc", "--test", f"--edition={candidate.edition}", "-Awarnings", "-Cdebuginfo=0", "-o", program, source]
    built = subprocess.run(argv, capture_output=True, check=False).returncode == 0
    return built and subprocess.run([program], capture_output=True, check=False).returncode == 0


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(candidates=st.lists(programs(), min_size=4, max_size=4))
def test_variations_pass_where_plain_rustc_passes(judge: Judge, tmp_path: Path, candidates: list[Candidate]) -> None:
    numbered = [Candidate(**{**fields(one), "id": str(number)}) for number, one in enumerate(candidates)]
    for candidate, verdict in zip(numbered, judge.judge(numbered), strict=True):
        assert (verdict.status == "passed") == plain_rustc_passes(candidate, tmp_path), (candidate.code, verdict)


def fields(candidate: Candidate) -> dict[str, str]:
    return {name: getattr(candidate, name) for name in candidate.__struct_fields__}


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(candidates=st.lists(programs(), min_size=16, max_size=16))
def test_many_variations_pass_where_plain_rustc_passes(
    judge: Judge, tmp_path: Path, candidates: list[Candidate]
) -> None:
    test_variations_pass_where_plain_rustc_passes.hypothesis.inner_test(judge, tmp_path, candidates)
