"""Task categories: the answer is the source's own, and the question does not give it away."""

import re

import pytest

from rustml.rust.functions import parse, parses
from rustml.tasks import TASKS, DocumentedFunction, documented
from rustml.tasks.task import pick

SOURCE = """
impl Ledger {
    /// Adds up every entry below the given limit, and tells how many there were.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn summarise(&self, limit: u64) -> (u64, usize) {
        let mut amount = 0;
        let mut seen = 0;
        for entry in self.entries.iter().copied() {
            if entry < limit && seen < self.entries.len() {
                amount += entry;
                seen += 1;
            }
        }
        println!("{amount}");
        (amount, seen)
    }
}

#[test]
fn sums() {
    assert_eq!(Ledger::new().summarise(3), (0, 0));
}
"""


def made(task: str, source: str = SOURCE, key: str = "k") -> tuple[str, str] | None:
    draft = TASKS[task].make(item(source, key))
    return None if draft is None else (draft.instruction, draft.answer)


def item(source: str, key: str = "k") -> DocumentedFunction:
    file = parse(source)
    assert file is not None
    function = next(function for function in file.functions if not function.in_test)
    tests = tuple(test for test in file.functions if test.in_test)
    return documented(function, key, tests)


def code(text: str) -> str:
    match = re.search(r"```rust\n([\s\S]*?)\n```", text)
    assert match is not None
    return match[1]


def question_and_answer(task: str, key: str = "k") -> tuple[str, str]:
    pair = made(task, key=key)
    assert pair is not None
    return pair


def test_the_subject_is_outdented_and_reproduces_the_source() -> None:
    whole = item(SOURCE)
    assert whole.attributes == "#[must_use]\n"
    assert whole.body.endswith("    (amount, seen)\n}")
    indented = "\n".join(f"    {line}" if line else line for line in (whole.docs + "\n" + whole.code).splitlines())
    assert indented in SOURCE


def test_sig_doc_impl_hides_the_body_and_answers_with_it() -> None:
    question, answer = question_and_answer("sig_doc_impl")
    assert "todo!()" in question
    assert "/// Adds up every entry" in question
    assert "amount" not in question
    assert "`impl Ledger`" in question
    assert parses(code(question))
    assert code(answer) == item(SOURCE).code


def test_instruction_code_asks_in_the_documentations_first_paragraph() -> None:
    question, answer = question_and_answer("instruction_code")
    assert "Adds up every entry below the given limit, and tells how many there were." in question
    assert "Panics" not in question
    assert "`pub fn summarise(&self, limit: u64) -> (u64, usize)`" in question
    assert parses(code(answer))
    assert made("instruction_code", "/// Short.\n/// Still.\nfn f() { a(); }") is None


@pytest.mark.parametrize("key", ["a", "b", "c", "d", "e"])
def test_completion_is_cut_in_the_body_and_joins_to_the_whole(key: str) -> None:
    question, answer = question_and_answer("completion", key)
    assert f"{code(question)}\n{code(answer)}" == item(SOURCE).code
    assert "pub fn summarise" in code(question)


def test_docstring_generation_does_not_show_the_documentation() -> None:
    question, answer = question_and_answer("docstring_generation")
    assert "///" not in question
    assert (
        code(answer).splitlines()[0] == "/// Adds up every entry below the given limit, and tells how many there were."
    )


def test_test_generation_answers_with_the_crates_own_test() -> None:
    question, answer = question_and_answer("test_generation")
    assert "assert_eq" not in question
    assert code(answer).startswith("#[test]\nfn sums()")


def test_function_naming_hides_every_mention() -> None:
    question, answer = question_and_answer("function_naming")
    assert answer == "`summarise`"
    assert "summarise" not in question
    assert made("function_naming", "impl T for S {\n/// D\nfn given(&self) { a(); }\n}") is None


@pytest.mark.parametrize("key", [str(number) for number in range(6)])
def test_variable_naming_hides_every_mention_even_in_format_strings(key: str) -> None:
    question, answer = question_and_answer("variable_naming", key)
    name = answer.strip("`")
    assert name in ("amount", "seen")
    assert not re.search(rf"\b{name}\b", question)
    assert parses(code(question))


def test_a_variable_that_is_a_fields_name_too_is_not_asked_for() -> None:
    assert made("variable_naming", "fn f() -> S {\n let entry = g();\n S { entry }\n}") is None
    assert made("variable_naming", "fn f(s: S) -> u8 {\n let entry = s.entry;\n entry\n}") is None


@pytest.mark.parametrize("key", ["a", "b", "c"])
def test_api_usage_hides_a_method_that_stands_once(key: str) -> None:
    question, answer = question_and_answer("api_usage_prediction", key)
    assert answer.strip("`") in ("iter", "copied", "len")
    assert code(question).replace("____", answer.strip("`")) == item(SOURCE).code


@pytest.mark.parametrize("key", [str(number) for number in range(8)])
def test_a_planted_bug_is_one_line_that_the_answer_mends(key: str) -> None:
    question, answer = question_and_answer("bug_detection", key)
    broken, whole = code(question).splitlines(), item(SOURCE).code.splitlines()
    changed = [(wrong, right) for wrong, right in zip(broken, whole, strict=True) if wrong != right]
    assert len(changed) == 1
    assert code(answer) == changed[0][1].strip()
    assert parses(code(question))


def test_choices_depend_on_the_key_alone_and_are_spread() -> None:
    assert pick("x", 10) == pick("x", 10)
    assert {pick(str(number), 5) for number in range(100)} == set(range(5))


DESCRIBED = (
    "/// Adds the {name} of all entries.\npub fn {name}(entries: &[u64]) -> u64 {{\n    {name}_of(entries)\n}}\n"
)


def searched(names: str, docs: str = "Counts what is there, entry by entry.") -> tuple[str, str] | None:
    body = "    if entries.is_empty() { 0 } else { wanted(&entries[1..]) }\n"
    source = f"/// {docs}\npub fn wanted(entries: &[u64]) -> u64 {{\n{body}}}\n"
    file = parse(source + "".join(DESCRIBED.format(name=name) for name in names))
    assert file is not None
    first, *others = file.functions
    draft = TASKS["search"].make(documented(first, f"k{names}", (), tuple(others)))
    return None if draft is None else (draft.instruction, draft.answer)


def test_a_search_hides_all_names_and_the_answer_is_the_described_function() -> None:
    places = set()
    for names in ("abc", "abcd", "bcde", "cdefg", "defgh"):
        made_of = searched(names)
        assert made_of is not None
        question, answer = made_of
        place = answer.strip("`")
        functions = code(question).split("\n\n")
        assert sum(f"fn {place}(" in function for function in functions) == 1
        assert "is_empty" in next(function for function in functions if f"fn {place}(" in function)
        assert "wanted" not in question
        assert len(functions) == min(4, len(names) + 1)
        places.add(place)
    assert len(places) > 1


def test_a_description_that_names_the_function_or_a_file_without_others_makes_no_search() -> None:
    assert searched("abc", "What is wanted, entry by entry and in order.") is None
    assert searched("a") is None
