"""The crates that the judge writes: candidates as modules of a library, their tests as modules of a program."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from rustml.judge.rust.compiler import clippy_configuration
from rustml.judge.screening import imports
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.test_file import TestFile
from rustml.records import Candidate
from rustml.rust.lexer import significant, tokens


def fresh_name(kind: str) -> str:
    """A name that cannot be foreseen: candidates must not find each other, nor the tests."""
    return f"{kind}{secrets.token_hex(12)}"


@dataclass(frozen=True, eq=False)
class Member:
    """A candidate in a compilation."""

    candidate: Candidate
    source: CandidateSource
    test_file: TestFile
    module: str = field(default_factory=lambda: fresh_name("m"))
    prelude: str = field(default_factory=lambda: fresh_name("p"))
    tests: str = field(default_factory=lambda: fresh_name("t"))

    @property
    def prefix(self) -> str:
        """The line in front of the candidate's text. A glob import gives way to the candidate's own declarations."""
        return f"#[allow(unused_imports)] use super::{self.prelude}::*;\n" if self.test_file.prelude else ""

    def text(self, published: bool) -> str:
        """The module's text, with what the tests use made public or as the candidate wrote it."""
        code = self.source.published(self.test_file.wanted) if published else self.source.code
        head = self.source.inner_end
        return _rooted(code[:head] + self.prefix + code[head:], self.module)

    @property
    def text_offset(self) -> int:
        """Where the prefix stands in the text, in bytes."""
        return len(self.source.code[: self.source.inner_end].encode("utf-8", "surrogatepass"))


def _rooted(code: str, module: str) -> str:
    """The code with its `crate::` leading to its module, which is the root of what the candidate wrote."""
    if "crate" not in code:
        return code
    stream = significant(tokens(code))
    roots = [t for t, following in pairwise(stream) if (t.kind, t.text, following.text) == ("ident", "crate", "::")]
    for token in reversed(roots):
        code = f"{code[: token.end]}::{module}{code[token.end :]}"
    return code


def write_library(folder: Path, members: Sequence[Member], *, published: bool) -> None:
    """Write one file per candidate into `folder`, beside clippy's configuration."""
    folder.mkdir(parents=True)
    (folder / "clippy.toml").write_text(clippy_configuration())
    for member in members:
        _write(folder / f"{member.module}.rs", member.text(published))


def library_root(members: Sequence[Member]) -> str:
    """The `lib.rs` that holds these members."""
    return "".join(f"{_prelude(member)}pub mod {member.module};\n" for member in members)


def write_tests(folder: Path, members: Sequence[Member], library: str) -> str:
    """Write one file per candidate into `folder`; return the name given to the harness crate."""
    folder.mkdir(parents=True)
    harness = fresh_name("h")
    for member in members:
        names = {"library": library, "module": member.module, "prelude": member.prelude, "here": member.tests}
        _write(folder / f"{member.tests}.rs", member.test_file.render(harness=harness, **names))
    return harness


def test_root(members: Sequence[Member], library: str, harness: str) -> str:
    """The `main.rs` that runs these members' tests; case i is member i."""
    lines = [f"extern crate harness as {harness};\nextern crate {library};\n"]
    lines += [f"{_prelude(member)}mod {member.tests};\n" for member in members]
    cases = ",\n".join(f"    {_case(member, harness)}" for member in members)
    lines.append(f"static CASES: &[{harness}::Case] = &[\n{cases},\n];\n")
    lines.append(f"fn main() {{\n    {harness}::supervise(CASES);\n}}\n")
    return "".join(lines)


def _case(member: Member, harness: str) -> str:
    tests = []
    for function in member.test_file.functions:
        call = f"|| {harness}::Outcome::succeeded({member.tests}::{function.path}())"
        panics = "None" if function.panics is None else f"Some({function.panics})"
        tests.append(f"{harness}::Test {{ call: {call}, panics: {panics} }}")
    return f"{harness}::Case {{ tests: &[{', '.join(tests)}] }}"


def _prelude(member: Member) -> str:
    """The module of imports that the problem supplies, each name once, as far as the standard library has them.

    It stands in the crate's root, so that no diagnostic about it lies in a candidate's file.
    """
    by_name = {imports.imported_name(path): path for path in reversed(member.test_file.prelude)}
    text = "".join(f"    pub use ::{path};\n" for path in by_name.values())
    return f"mod {member.prelude} {{\n{text}}}\n"


def _write(path: Path, text: str) -> None:
    # A lone surrogate is not UTF-8, which the compiler will report.
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
