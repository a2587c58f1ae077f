"""Clippy over candidates as they wrote them."""

import re
from collections.abc import Sequence
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.rust import diagnostics
from rustml.judge.rust.compiler import POLICY_LINTS, Compiler, Folders
from rustml.judge.rust.crate_layout import Member, library_root, write_library
from rustml.judge.rust.diagnostics import Message
from rustml.rust.lexer import significant, tokens

FRAGMENT = frozenset({"dead_code", *POLICY_LINTS})
"""Lints that say nothing about the quality of a fragment: what it offers is called from elsewhere."""


class Linter:
    """Lints candidates that compile. Every lint that is on by default is forced: no attribute silences it."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler

    def lint(self, folder: Path, members: Sequence[Member]) -> dict[Member, tuple[str, ...]]:
        """The names of the lints that each member's own text raises, sorted.

        Raises JudgeFault when a lone member cannot be linted.
        """
        folders = Folders(folder / "sources", folder / "output")
        write_library(folders.sources, members, published=False)
        (folders.sources / "lib.rs").write_text(library_root(members))
        folders.output.mkdir()
        result = self._compiler.check(folders, members)
        if result.returncode != 0 or result.expired or result.flooded:
            return self._lint_apart(folder, members)
        owners = {member.module: member for member in members}
        names: dict[Member, set[str]] = {member: set() for member in members}
        for message in diagnostics.read(result.stderr, frozenset(owners)):
            member = owners.get(message.file)
            if member is not None and message.code and message.code not in FRAGMENT and not _excused(member, message):
                names[member].add(message.code)
        return {member: tuple(sorted(lints)) for member, lints in names.items()}

    def _lint_apart(self, folder: Path, members: Sequence[Member]) -> dict[Member, tuple[str, ...]]:
        if len(members) == 1:
            raise JudgeFault("a candidate that compiles could not be linted")
        names: dict[Member, tuple[str, ...]] = {}
        for number, member in enumerate(members):
            names |= self.lint(folder / str(number), [member])
        return names


def _excused(member: Member, message: Message) -> bool:
    """Whether a lint points at text that the problem supplied: the prelude, or the declaration given."""
    text = member.text(published=False).encode("utf-8", "surrogatepass")
    head = member.text_offset
    if message.start < head + len(member.prefix.encode()):
        return message.start >= head and bool(member.prefix)
    declarations = member.candidate.prelude + "\n" + member.candidate.signature
    span = text[message.start : message.end].decode("utf-8", "replace")
    return _is_given(member, span, declarations, text[: message.start].decode("utf-8", "replace"))


def _is_given(member: Member, span: str, declarations: str, before: str) -> bool:
    """Whether a span stands in a `use` or in the entry point's declaration, and repeats what the problem says there."""
    words = [token.text for token in significant(tokens(span))]
    supplied = [token.text for token in significant(tokens(declarations))]
    context = rf"\b(?:use\s[^;]*|fn\s+{re.escape(member.candidate.entry_point)}\b[^{{;]*)$"
    return bool(words) and re.search(context, before + span) is not None and _contains(supplied, words)


def _contains(longer: list[str], shorter: list[str]) -> bool:
    size = len(shorter)
    return any(longer[at : at + size] == shorter for at in range(len(longer) - size + 1))
