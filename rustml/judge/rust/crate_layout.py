"""The library that the judge writes, with candidates as its modules."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from rustml.judge.rust.compiler import clippy_configuration
from rustml.judge.screening import imports
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.test_file import TestFile
from rustml.records import Candidate
from rustml.rust.lexer import edited, significant, tokens


def fresh_name(kind: str) -> str:
    """A name that cannot be foreseen: candidates must not find each other, nor the tests."""
    return f"{kind}{secrets.token_hex(12)}"


@dataclass(frozen=True, eq=False)
class Member:
    """A candidate in a compilation: a module among others, or alone as the root of its crate."""

    candidate: Candidate
    source: CandidateSource
    test_file: TestFile
    module: str = field(default_factory=lambda: fresh_name("m"))
    prelude: str = field(default_factory=lambda: fresh_name("p"))
    tests: str = field(default_factory=lambda: fresh_name("t"))

    @cached_property
    def alone(self) -> bool:
        """Whether it must not share a compilation. It is then the root of a crate, as it is for cargo."""
        # Paths of 2015 start at the root of the crate, and unsafe code may reach what others of its program have.
        unsafe = self.candidate.policy == "unsafe" and not self.candidate.untested
        own = self.source.alone is not None or unsafe or self.candidate.edition == "2015"
        return own or bool(self.test_file.names.macros or self.test_file.names.library)

    @property
    def file(self) -> str:
        """The stem of its file's name."""
        return "lib" if self.alone else self.module

    def path(self, library: str) -> str:
        """The path by which the tests' crate names it."""
        return f"::{library}" if self.alone else f"::{library}::{self.module}"

    @property
    def prefix(self) -> str:
        """The line in front of the candidate's text. A glob import gives way to the candidate's own declarations."""
        parent = "self" if self.alone else "super"
        return f"#[allow(unused_imports)] use {parent}::{self.prelude}::*;\n" if self.test_file.prelude else ""

    @cached_property
    def published(self) -> str:
        """The module's text, with what the tests use made public."""
        names = self.test_file.names
        return self._placed(self.source.published(names.exported | names.macros))

    @cached_property
    def linted(self) -> str:
        """The module's text as the candidate wrote it."""
        return self._placed(self.source.linted)

    def _placed(self, code: str) -> str:
        head = self.source.inner_end
        text = code[:head] + self.prefix + code[head:]
        return f"{text}\n{prelude_module(self)}" if self.alone else _rooted(text, self.module)

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
    return edited(code, [(token.end, token.end, f"::{module}") for token in roots])


def write_library(folder: Path, members: Sequence[Member], *, published: bool) -> None:
    """Write one file per candidate into `folder`, beside clippy's configuration."""
    folder.mkdir(parents=True)
    (folder / "clippy.toml").write_text(clippy_configuration())
    for member in members:
        write_source(folder / f"{member.file}.rs", member.published if published else member.linted)


def write_root(folder: Path, members: Sequence[Member]) -> None:
    """Write the `lib.rs` that holds these members, unless one of them is the root itself."""
    if not members[0].alone:
        text = "".join(f"{prelude_module(member)}pub mod {member.module};\n" for member in members)
        (folder / "lib.rs").write_text(text)


def prelude_module(member: Member) -> str:
    """The module of imports that the problem supplies, each name once, as far as the standard library has them.

    Empty where it supplies none. It stands in the crate's root, so that no diagnostic about it lies in a candidate's
    file, and it is public, so that there is none about an import that the candidate does not use.
    """
    if not member.test_file.prelude:
        return ""
    by_name = {imports.imported_name(path): path for path in reversed(member.test_file.prelude)}
    text = "".join(f"    pub use ::{path};\n" for path in by_name.values())
    return f"pub mod {member.prelude} {{\n{text}}}\n"


def write_source(path: Path, text: str) -> None:
    """Write Rust text."""
    # A lone surrogate is not UTF-8, which the compiler will report.
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
