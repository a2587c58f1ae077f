"""The doc-tests that rustdoc would run, as test functions."""

import pytest

from rustml.rust.doctests import MOST, examples, naming, program


def documented(info: str, code: str = "f();") -> str:
    return f"/// Text.\n/// ```{info}\n/// {code}\n/// ```\nfn f() {{}}\n"


@pytest.mark.parametrize(
    ("info", "run"),
    [
        ("", True),
        ("rust", True),
        ("edition2021", True),
        ("rust,ignore", False),
        ("no_run", False),
        ("should_panic", False),
        ("text", False),
        ("python", False),
    ],
)
def test_only_blocks_that_rustdoc_runs_are_examples(info: str, run: bool) -> None:
    assert examples(documented(info)) == (["f();"] if run else [])


def test_hidden_lines_are_part_of_an_example() -> None:
    source = "//! ```\n//! # let hidden = 1;\n//! ## not_hidden\n//! f(hidden);\n//! ```\n"
    assert examples(source) == [" let hidden = 1;\n# not_hidden\nf(hidden);"]


def test_a_main_is_called_and_a_final_ok_makes_a_function_that_may_fail() -> None:
    assert examples(documented("", "fn main() { f(); }")) == ["fn main() { f(); }\nlet _ = main();"]
    (example,) = examples(documented("", "Ok::<(), u8>(())"))
    assert example.startswith("fn inner() -> Result<")
    assert example.endswith("inner().unwrap();")


def test_a_longer_fence_holds_a_shorter_one() -> None:
    source = "/// ````\n/// let x = 1;\n/// ```\n/// let y = 2;\n/// ````\nfn f() {}\n"
    assert examples(source) == ["let x = 1;\n```\nlet y = 2;"]


def test_the_examples_of_a_function_are_those_that_use_its_name_each_once() -> None:
    sources = [documented("", "f();"), documented("", "ff();"), documented("", "f();"), documented("", "f(2);")]
    assert naming("f", sources) == ["f();", "f(2);"]
    assert len(naming("f", [documented("", f"f({number});") for number in range(2 * MOST)])) == MOST


def test_a_program_of_examples_numbers_its_tests() -> None:
    text = program([(0, "f();"), (3, "g();")], "shop")
    assert "extern crate shop;" in text
    assert text.count("#[test]") == 2
    assert "fn example_3() {\ng();\n}" in text
