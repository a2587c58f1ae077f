"""The code that a prompt writes itself is laid out as rustfmt does: stubs, planted bugs, signatures."""

import shutil
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks.prompt_layout import CRATES, differences, laid_out_by_rustfmt, subjects
from rustml.rust.functions import Function, parse, stub
from rustml.tasks import TASKS, DocumentedFunction, documented

NEEDS_RUSTFMT = pytest.mark.skipif(shutil.which("rustfmt") is None, reason="needs rustfmt")

types = st.sampled_from(
    ["u8", "&str", "Vec<Option<String>>", "impl Fn(u8) -> u8", "HashMap<String, (usize, Box<dyn Error + Send>)>"]
)
names = st.sampled_from(["a", "item", "a_rather_long_name_of_a_parameter"])
bounds = st.sampled_from(["T: Copy", "U: Iterator<Item = T> + 'static", "for<'a> &'a T: Into<u64>", "[T; 4]: Sized"])
comments = st.sampled_from(["", "", "", " // why", " /* why */"])


@st.composite
def signatures(draw: st.DrawFn) -> str:
    """A declaration from `fn` to before its brace, in no particular layout."""
    fields = [f"{draw(names)}_{number}: {draw(types)}" for number in range(draw(st.integers(0, 5)))]
    result = draw(st.one_of(st.just(""), types.map(lambda text: f" -> {text}")))
    clause = draw(st.lists(bounds, max_size=3, unique=True))
    where = draw(st.sampled_from([" ", "\n"])) + f"where {', '.join(clause)}" if clause else ""
    comma = draw(st.sampled_from(["", ","])) if clause else ""
    head = draw(st.sampled_from(["fn", "pub(crate) const unsafe fn", "pub async fn"]))
    return f"{head} f<T, U>({', '.join(fields)}){result}{where}{comma}{draw(comments)}"


def one(source: str) -> Function:
    file = parse(source)
    assert file is not None, source
    return next(function for function in file.functions if not function.in_test)


def prompt(task: str, source: str, key: str = "k") -> str:
    draft = TASKS[task].make(subject(source, key))
    assert draft is not None
    return draft.instruction


def subject(source: str, key: str = "k") -> DocumentedFunction:
    return documented(one(source), key, ())


@given(signatures())
def test_a_stub_is_the_signature_with_a_body_and_the_brace_where_it_belongs(signature: str) -> None:
    text = stub(f"{signature}\n")
    function = one(text)
    assert function.text == text, "nothing of it is lost in a comment"
    assert function.signature.rstrip() == signature
    assert function.body == "{\n    todo!()\n}"
    assert ("\n{" in text) == ("where" in signature or signature.endswith(("why", "*/")))


@NEEDS_RUSTFMT
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.lists(signatures(), min_size=30, max_size=60))
def test_rustfmt_lays_a_stub_out_in_the_same_way(signatures: list[str]) -> None:
    source = "\n\n".join(f"{text}\n{{ todo!() }}" for text in signatures)
    command = ["rustfmt", "--edition", "2021", "--emit", "stdout", "--quiet"]
    laid_out = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    file = parse(laid_out)
    assert file is not None
    assert len(file.functions) == len(signatures)
    for function in file.functions:
        assert stub(function.signature) == function.text


DOCS = "/// Something that is documented in more than thirty characters.\n"
METHOD = f"""impl A {{
    {DOCS.strip()}
    #[inline]
    pub fn with<S2>(self, hash_builder: S2) -> B
    where
        S2: BuildHasher + Sync,
    {{
        let text = "one
    two";
        a();
        b(text)
    }}
}}
"""


def test_the_brace_after_a_where_clause_stands_alone() -> None:
    shown = prompt("sig_doc_impl", METHOD)
    assert "\nwhere\n    S2: BuildHasher + Sync,\n{\n    todo!()\n}\n" in shown
    assert "\n#[inline]\npub fn with<S2>" in shown, "a string over lines in the body leaves the stub outdented"


def test_a_string_over_lines_keeps_its_content_and_the_lines_around_it_are_outdented() -> None:
    assert subject(METHOD).body == '{\n    let text = "one\n    two";\n    a();\n    b(text)\n}'


def test_a_signature_over_lines_is_shown_as_it_is_laid_out() -> None:
    shown = prompt("instruction_code", METHOD)
    assert shown.endswith(
        "Signature:\n\n```rust\npub fn with<S2>(self, hash_builder: S2) -> B\nwhere\n    S2: BuildHasher + Sync,\n```"
    )
    assert "Signature: `fn f(a: u8) -> u8`" in prompt("instruction_code", f"{DOCS}fn f(a: u8) -> u8 {{\n a\n}}")


@pytest.mark.parametrize(
    ("body", "only"),
    [
        ("a == 1\n        && b == 2\n        && c == 3", ("==",)),
        ("first(a)\n        || second(b)\n        || third(c)", ()),
        ("a as usize <= b", ()),
        ("if let Some(x) = y && x.is_some() {\n        1\n    } else {\n        2\n    }", ()),
        ("a && b && c", ("&&",)),
        ("first(a)\n        && second(b)", ("&&",)),
        ("a as usize >= b", (">=",)),
        (f"{'a' * 50} < {'b' * 42}", ("<",)),
        (f"{'a' * 50} < {'b' * 43}", ()),
    ],
)
def test_a_bug_is_planted_where_rustfmt_keeps_the_layout(body: str, only: tuple[str, ...]) -> None:
    source = f"{DOCS}fn f() -> bool {{\n    {body}\n}}\n"
    operators = set()
    for key in map(str, range(12)):
        item = subject(source, key)
        draft = TASKS["bug_detection"].make(item)
        if draft is not None:
            pairs = zip(draft.given.split(), item.code.split(), strict=True)
            operators |= {right for wrong, right in pairs if wrong != right}
    assert operators == set(only)


@NEEDS_RUSTFMT
@pytest.mark.skipif(not Path(CRATES).is_dir(), reason="needs a directory source of crates")
def test_rustfmt_changes_nothing_in_stubs_and_planted_bugs_over_a_corpus() -> None:
    items = laid_out_by_rustfmt(list(islice(subjects(Path(CRATES)), 250)))
    assert len(items) > 50
    totals, changed = differences(items)
    for task in ("sig_doc_impl", "bug_detection", "docstring_generation", "test_generation"):
        assert totals[task] or task == "test_generation"
        assert changed[task] == 0, task
