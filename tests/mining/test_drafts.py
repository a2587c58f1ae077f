"""What a crate's functions become before a judge sees them."""

from collections.abc import Callable

import msgspec
import pytest

from rustml.mining.drafts import ProblemDraft, documentation, drafts
from rustml.profile.mine import MineSection
from rustml.records import SourceFile
from rustml.sharding import Funnel

Section = Callable[..., MineSection]


def drafted(crate: list[SourceFile], section: MineSection, funnel: Funnel | None = None) -> dict[str, ProblemDraft]:
    return {
        draft.problem.entry_point: draft for draft in drafts(crate, section, Funnel() if funnel is None else funnel)
    }


def test_functions_with_examples_or_unit_tests_become_problems(crate: list[SourceFile], section: Section) -> None:
    assert set(drafted(crate, section())) == {"clamp", "initials", "Limit::doubled"}


def test_a_problem_brings_what_its_function_needs_and_no_more(crate: list[SourceFile], section: Section) -> None:
    given = drafted(crate, section())["clamp"].problem.given
    assert "pub struct Limit" in given
    assert "fn top" in given
    assert "unused" not in given
    assert "fn initials" not in given


def test_the_instruction_hides_bodies_and_examples(crate: list[SourceFile], section: Section) -> None:
    text = drafted(crate, section())["clamp"].problem.instruction
    assert "counts what was cut" in text
    assert "Examples" not in text
    assert "assert_eq" not in text
    assert "pub fn clamp(value: u32, limit: Limit) -> (u32, u32)" in text
    assert "self.top" not in text


def test_examples_stay_where_the_profile_says_so(crate: list[SourceFile], section: Section) -> None:
    text = drafted(crate, section(examples="left_in"))["clamp"].problem.instruction
    assert "assert_eq!(clamp(9, Limit::new(4)), (4, 5));" in text


def test_a_unit_test_brings_its_helpers(crate: list[SourceFile], section: Section) -> None:
    draft = drafted(crate, section())["initials"]
    assert "fn sample()" in draft.support
    assert "use super" not in draft.with_tests([0]).tests


def test_the_place_of_a_problem_is_its_function(crate: list[SourceFile], section: Section) -> None:
    problem = drafted(crate, section())["Limit::doubled"].problem
    start, end = problem.span
    assert crate[1].text.encode()[start:end].startswith(b"pub fn doubled(self) -> Limit {")
    assert problem.origin == crate[1].origin
    assert problem.answer_name == "doubled"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_function_characters": 10}, "long"),
        ({"min_doc_characters": 2000}, "undocumented"),
        ({"min_body_lines": 50}, "short_body"),
        ({"max_given_characters": 10}, "needs_too_much"),
        ({"max_outline_characters": 10}, "long_outline"),
    ],
)
def test_what_makes_no_problem_is_counted_by_its_reason(
    crate: list[SourceFile], section: Section, change: dict[str, int], reason: str
) -> None:
    funnel = Funnel()
    drafted(crate, section(**change), funnel)
    assert any(step.dropped.get(reason) for step in funnel.steps())


def test_a_name_of_another_crate_is_refused(crate: list[SourceFile], section: Section) -> None:
    funnel = Funnel()
    text = crate[0].text.replace("use std::collections::BTreeMap;", "use indexmap::IndexMap as BTreeMap;")
    assert "initials" not in drafted([msgspec.structs.replace(crate[0], text=text), crate[1]], section(), funnel)
    assert any(step.dropped.get("dependency") for step in funnel.steps())


def test_a_file_that_does_not_parse_ends_nothing(crate: list[SourceFile], section: Section) -> None:
    broken = msgspec.structs.replace(crate[0], text="pub fn (((")
    assert drafted([broken, crate[1]], section())


def test_a_heading_above_an_example_goes_with_it() -> None:
    leading = "/// Adds.\n///\n/// # Examples\n///\n/// ```\n/// add(1);\n/// ```\n///\n/// Never fails.\n"
    assert documentation(leading, with_examples=False) == "Adds.\n\nNever fails."


def test_what_a_function_needs_may_not_be_unsafe(crate: list[SourceFile], section: Section) -> None:
    funnel = Funnel()
    text = crate[1].text.replace("        self.top\n", "        unsafe { *std::ptr::addr_of!(self.top) }\n")
    assert "clamp" not in drafted([crate[0], msgspec.structs.replace(crate[1], text=text)], section(), funnel)
    assert any(step.stage == "excerpt" and step.dropped.get("unsafe") for step in funnel.steps())


def test_what_modules_above_may_see_the_crate_may_see_outside_it(crate: list[SourceFile], section: Section) -> None:
    first = crate[0].text.replace("pub fn initials", "pub(super) fn initials")
    second = crate[1].text.replace("pub fn top", "pub(in crate::limits) fn top")
    texts = [msgspec.structs.replace(file, text=text) for file, text in zip(crate, (first, second), strict=True)]
    made = drafted(texts, section())
    assert made["initials"].problem.signature.startswith("pub(crate) fn initials(")
    assert "\n    pub(crate) fn top(" in made["clamp"].problem.given
