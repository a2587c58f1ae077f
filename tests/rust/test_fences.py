from hypothesis import given
from hypothesis import strategies as st

from rustml.rust.fences import blocks, extract, other_languages, prose

CODE = "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n"


def fenced(code: str, tag: str = "rust", fence: str = "```") -> str:
    return f"{fence}{tag}\n{code}{fence}\n"


def test_the_last_block_with_the_entry_point_wins() -> None:
    other = CODE.replace("a + b", "a - b")
    example = "fn main() {}\n"
    assert extract(f"First:\n{fenced(CODE)}Better:\n{fenced(other)}Use:\n{fenced(example)}", "add") == other


def test_a_block_needs_no_tag_and_takes_attributes() -> None:
    for tag in ("", "rust", "Rust", "rs", "rust,ignore", "rust {.line}"):
        assert extract(fenced(CODE, tag), "add") == CODE


def test_another_language_is_no_answer() -> None:
    assert extract(fenced(CODE, "python"), "add") is None


def test_a_block_of_another_language_is_named_and_an_output_is_none() -> None:
    python, output = fenced("x = 1\n", "Python"), fenced("3\n", "text")
    answer = f"One:\n{python}Two:\n{fenced(CODE)}Says:\n{output}{fenced('', '')}Done."
    assert other_languages(answer, "rust") == {"python"}
    assert other_languages(answer, "python") == {"rust"}
    assert other_languages("```python\nx = 1", "rust") == set(), "no complete block"


def test_prose_is_what_stands_outside_of_the_blocks() -> None:
    document = "/// ```\n/// add(1, 2);\n/// ```\n" + CODE
    assert prose(f"One:\n{fenced(document)}Two.", "rust") == "One:\nTwo."
    assert prose(f"Cut:\n```rust\n{CODE}", "rust").startswith("Cut:\n```rust\nfn add")


def test_a_truncated_block_is_no_answer_but_an_earlier_whole_one_is() -> None:
    assert extract("```rust\nfn add(a: i32, b: i32) -> i32 {\n    a +", "add") is None
    assert extract(fenced(CODE) + "```rust\nfn add(", "add") == CODE


def test_fences_in_doc_comments_and_strings_do_not_end_the_block() -> None:
    line_doc = "/// ```\n/// assert_eq!(add(1, 2), 3);\n/// ```\n" + CODE
    block_doc = "/**\nAdds.\n```\nassert_eq!(add(1, 2), 3);\n```\n*/\n" + CODE
    text = 'const HELP: &str = r#"\n```\n"#;\n' + CODE
    for code in (line_doc, block_doc, text):
        assert extract(f"Sure:\n{fenced(code)}Done.\n", "add") == code


def test_a_block_that_is_not_whole_ends_at_its_own_fence() -> None:
    broken = "fn add(a: i32 {\n"
    assert extract(fenced(broken), "add") == broken
    assert extract(fenced(broken) + "text\n" + fenced(CODE), "add") == CODE


def test_the_entry_point_must_be_defined_not_mentioned() -> None:
    assert extract(fenced("fn main() { add(1, 2); }\n// fn add\n"), "add") is None
    assert extract(fenced("struct Stack;\nimpl Stack { fn push(&self) {} }\n"), "Stack::push") is not None


def test_longer_and_tilde_fences() -> None:
    assert extract(fenced(CODE, fence="````"), "add") == CODE
    assert extract(fenced(CODE, fence="~~~"), "add") == CODE


def test_windows_line_ends() -> None:
    assert extract(fenced(CODE).replace("\n", "\r\n"), "add") == CODE


def test_python_blocks() -> None:
    code = 'def add(a, b):\n    """\n    ```\n    add(1, 2)\n    ```\n    """\n    return a + b\n'
    assert extract(fenced(code, "python"), "add", "python") == code
    assert extract(fenced(code, "rust"), "add", "python") is None


@given(st.text(alphabet=st.sampled_from(list("`~\n /rust{}fnad()\"'*!#")), max_size=200))
def test_any_answer_is_read_without_a_crash(answer: str) -> None:
    code = extract(answer, "add")
    assert code is None or "add" in code


def test_blocks_are_the_contents_of_all_fenced_blocks() -> None:
    text = "Say:\n```rust\nfn f() {}\n```\nor\n  ```\nx\n  ```\n```open\n"
    assert blocks(text) == ["fn f() {}\n", "x\n"]
