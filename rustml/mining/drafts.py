"""Problems as the crates suggest them, before a judge has seen any."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import msgspec

from rustml.mining.crate_tests import CrateTest, tests_of
from rustml.mining.excerpt import Excerpt, NoExcerpt, excerpt, without_crate_paths
from rustml.mining.items import CrateItems, Item, attributes
from rustml.profile.mine import MineSection
from rustml.records import Origin, Problem, Record, SourceFile
from rustml.rust.doc_comments import doc_texts
from rustml.rust.fences import FENCE
from rustml.rust.functions import UNFINISHED
from rustml.sharding import Funnel

BANK = "mined"
STEPS = ("function", "tests", "excerpt")
HEADING = re.compile(r"^#+\s*(?:Examples?|Usage|Example usage|Basic usage|Doctests?):?\s*$", re.IGNORECASE)
INTRODUCTION = re.compile(r"^(?:Examples?|Usage|Basic usage|For example|E\.g\.)[^.]*:?$", re.IGNORECASE)


class ProblemDraft(Record, frozen=True):
    """A problem without its tests, and the tests that may become its own."""

    problem: Problem
    tests: tuple[str, ...]
    """`#[test]` functions, each of another name."""
    support: str
    """Imports and items that the tests need."""

    def with_tests(self, numbers: Sequence[int]) -> Problem:
        """The problem with these tests."""
        text = "\n\n".join([*([self.support] if self.support else []), *(self.tests[number] for number in numbers)])
        return msgspec.structs.replace(self.problem, tests=f"{text}\n")


def drafts(files: Sequence[SourceFile], section: MineSection, funnel: Funnel) -> Iterator[ProblemDraft]:
    """The drafts of one crate's files, in order of file and position; what makes none is counted by its reason."""
    crate = CrateItems(files[0].origin.name, files)
    by_path = {file.origin.path: file for file in files}
    for path in sorted(crate.files):
        if not path.startswith("src/") or PurePosixPath(path).name == "main.rs":
            continue
        for item in crate.files[path].items:
            if item.kind in ("fn", "method") and item.body >= 0:
                draft = _draft(item, crate, by_path[path], section, funnel)
                if draft is not None:
                    yield draft


def _draft(
    item: Item, crate: CrateItems, file: SourceFile, section: MineSection, funnel: Funnel
) -> ProblemDraft | None:
    label = f"{file.origin.label}: {item.name}"
    reason = unsuited(item.leading, item.text, section)
    if reason:
        funnel.drop("function", reason, label)
        return None
    funnel.keep("function")
    tests = tests_of(item, crate)
    if not tests:
        funnel.drop("tests", "no_test", label)
        return None
    funnel.keep("tests")
    try:
        tests, given = _standing_alone(item, crate, tests, section)
    except NoExcerpt as error:
        funnel.drop("excerpt", str(error), label)
        return None
    funnel.keep("excerpt")
    support = dict.fromkeys(text for test in tests for text in test.support)
    return ProblemDraft(
        problem=_problem(item, crate, file, given, section),
        tests=tuple(test.text for test in tests),
        support="\n\n".join(support),
    )


def unsuited(leading: str, text: str, section: MineSection) -> str:
    """Why a function of this text, which `leading` documents, is not mined; empty where it is."""
    if len(documentation(leading, with_examples=False)) < section.min_doc_characters:
        return "undocumented"
    lines = text[text.find("{") + 1 : text.rfind("}")].splitlines()
    if sum(1 for line in lines if line.strip()) < section.min_body_lines:
        return "short_body"
    if len(text) > section.max_function_characters:
        return "long"
    if UNFINISHED.search(text.encode()):
        return "unfinished"
    if re.search(r"\b(?:unsafe|asm!|extern)\b", text):
        return "unsafe"
    return "async" if re.search(r"\basync\s+fn\b", text) else ""


def _standing_alone(
    item: Item, crate: CrateItems, tests: list[CrateTest], section: MineSection
) -> tuple[list[CrateTest], Excerpt]:
    """The tests and what they need: all of them, else the first alone, which needs less. Raises NoExcerpt."""
    try:
        return tests, _excerpt(item, crate, tests, section)
    except NoExcerpt:
        if len(tests) == 1:
            raise
        return tests[:1], _excerpt(item, crate, tests[:1], section)


def _excerpt(item: Item, crate: CrateItems, tests: Sequence[CrateTest], section: MineSection) -> Excerpt:
    names = [name for test in tests for name in test.names]
    text = "\n".join([*(test.text for test in tests), *(part for test in tests for part in test.support)])
    given = excerpt(crate, item, text, names, section.max_given_characters)
    if len(given.outline) > section.max_outline_characters:
        raise NoExcerpt("long_outline")
    return given


def _problem(item: Item, crate: CrateItems, file: SourceFile, given: Excerpt, section: MineSection) -> Problem:
    code = without_crate_paths(item.text, crate)
    reference = f"{item.header} {{\n    {code}\n}}\n" if item.header else f"{code}\n"
    signature = code[len(attributes(item.leading)) : code.find("{")].strip()
    docs = documentation(item.leading, with_examples=section.examples == "left_in")
    return Problem(
        id=problem_id(file.origin, item.start),
        bank=BANK,
        split="train",
        language="rust",
        instruction=instruction(item.name, item.header, signature, docs, given.outline),
        entry_point=f"{item.owner}::{item.name}" if item.owner else item.name,
        reference=reference,
        tests="",
        licence=file.origin.licence,
        signature="" if item.owner else signature,
        given=given.text,
        origin=file.origin,
        span=(item.start, item.end),
        tags={"crate": file.origin.name, "kind": item.kind},
    )


def problem_id(origin: Origin, start: int) -> str:
    """The id of the problem of the function at this offset of a file."""
    return f"{BANK}/{origin.name}/{hashlib.sha256(f'{origin.label}:{start}'.encode()).hexdigest()[:16]}"


def instruction(name: str, header: str, signature: str, docs: str, outline: str, *, crate: str = "") -> str:
    """The question for a function, or for a method under the header of its `impl` or `trait`.

    `crate` is the crate whose code it takes a place in; empty for one that stands by itself.
    """
    noun = f"method `{name}` of `{' '.join(header.split())}`" if header else f"function `{name}`"
    shape = f"{header} {{\n    {signature}\n}}" if header else signature
    parts = [f"Write the Rust {noun}{f' in the crate `{crate}`' if crate else ''}.", docs, f"```rust\n{shape}\n```"]
    if outline:
        parts.append(f"This is there already, do not repeat it:\n\n```rust\n{outline}```")
    block = "trait" if re.search(r"\btrait\b", header.partition("<")[0]) else "impl"
    answer = f"the `{block}` block with this method alone" if header else "the function alone"
    return "\n\n".join([*parts, f"Answer with {answer}, in one block of Rust code."])


def documentation(leading: str, *, with_examples: bool) -> str:
    """The words of a documentation comment, its examples with their headings taken out where they are not wanted."""
    lines = [line for text in doc_texts(leading) for line in text]
    text = "\n".join(lines if with_examples else _without_examples(lines)).strip()
    return re.sub(r"\n{3,}", "\n\n", text)


def _without_examples(lines: Sequence[str]) -> list[str]:
    plain: list[str] = []
    fence = ""
    for line in lines:
        match = FENCE.match(line)
        if fence:
            fence = "" if match and not match["info"].strip() and match["fence"].startswith(fence) else fence
        elif match:
            fence = match["fence"]
            _drop_headings(plain)
        else:
            plain.append(line)
    return plain


def _drop_headings(lines: list[str]) -> None:
    """Take the words off the end that only announce an example."""
    while lines and (not lines[-1].strip() or HEADING.match(lines[-1]) or INTRODUCTION.match(lines[-1])):
        lines.pop()
    if lines:
        lines.append("")
