"""Clippy over candidates as they wrote them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from rustml.judge.rust import diagnostics, failures
from rustml.judge.rust.compiler import POLICY_LINTS, UNCOUNTED, Compiler, Folders
from rustml.judge.rust.crate_layout import Member, write_library, write_root
from rustml.judge.rust.diagnostics import Message
from rustml.judge.rust.externs import Externs
from rustml.judge.rust.failures import Failure
from rustml.rust.lexer import significant, tokens
from rustml.sandbox.processes import Completed

FRAGMENT = frozenset({*UNCOUNTED, *POLICY_LINTS})
"""Lints that do not count."""


LintOutcome = Mapping[str, int] | Failure
"""Lints by name with how often each was raised; or why the text does not compile as the candidate wrote it."""


class Linter:
    """Lints candidates that compile. Every lint that is on by default is forced: no attribute silences it."""

    def __init__(self, compiler: Compiler, work: Path) -> None:
        """`work` is the judge's folder."""
        self._compiler, self._work = compiler, work

    def lint(
        self, folder: Path, members: Sequence[Member], externs: Externs | None = None
    ) -> dict[Member, LintOutcome]:
        """What each member's own text raises; `externs` are the crates that all of them may use.

        Raises JudgeFault when a lone member cannot be linted for a reason that is not in its text.
        """
        folders = Folders(folder / "sources", folder / "output", externs=externs)
        write_library(folders.sources, members, published=False)
        write_root(folders.sources, members)
        folders.output.mkdir()
        result = self._compiler.check(folders, members)
        messages = diagnostics.read(result.stderr, frozenset(member.file for member in members))
        if result.returncode != 0 or result.expired or result.flooded:
            return self._lint_apart(folder, members, externs, result, messages)
        return dict(lint_counts(members, messages))

    def _lint_apart(
        self,
        folder: Path,
        members: Sequence[Member],
        externs: Externs | None,
        result: Completed,
        messages: list[Message],
    ) -> dict[Member, LintOutcome]:
        if len(members) > 1:
            apart = [self.lint(folder / str(number), [member], externs) for number, member in enumerate(members)]
            return {member: outcome for one in apart for member, outcome in one.items()}
        errors = [message for message in messages if message.is_error]
        if result.flooded and not errors:
            return dict(lint_counts(members, messages))  # a flood of lints is still a list of lints
        return {members[0]: failures.of_errors(errors) if errors else failures.of_crash(result, self._work)}


def lint_counts(members: Sequence[Member], messages: Sequence[Message]) -> dict[Member, Mapping[str, int]]:
    """By member, how often each lint was raised, without those that say nothing about it."""
    supplied = {member.file: (member, _Supplied(member)) for member in members}
    counts: dict[Member, Counter[str]] = {member: Counter() for member in members}
    for message in messages:
        if message.file not in supplied or not message.code or message.code in FRAGMENT:
            continue
        member, given = supplied[message.file]
        if not given.excuses(message):
            counts[member][message.code] += 1
    return {member: dict(sorted(lints.items())) for member, lints in counts.items()}


class _Supplied:
    """What of a member's text the problem supplied: the prelude, and the declarations that it repeats."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._text = member.linted.encode("utf-8", "surrogatepass")

    @cached_property
    def _words(self) -> list[str]:
        candidate = self._member.candidate
        return [token.text for token in significant(tokens(f"{candidate.prelude}\n{candidate.signature}"))]

    @cached_property
    def _places(self) -> list[range]:
        """The bytes of `use` declarations and of the entry point's declaration, up to its body."""
        name = re.escape(self._member.candidate.entry_point)
        text = self._text.decode("utf-8", "surrogatepass")
        places, at, offset = [], 0, 0
        for match in re.finditer(rf"\buse\s[^;]*|\bfn\s+{name}\b[^{{;]*", text):
            offset += len(text[at : match.start()].encode("utf-8", "surrogatepass"))
            at = match.start()
            places.append(range(offset, offset + len(match[0].encode("utf-8", "surrogatepass")) + 1))
        return places

    def excuses(self, message: Message) -> bool:
        """Whether a lint points at text that the problem supplied."""
        head = self._member.text_offset
        if self._member.prefix and head <= message.start < head + len(self._member.prefix.encode()):
            return True
        if not any(message.start in place and message.end <= place.stop for place in self._places):
            return False
        own = self._text[message.start : message.end].decode("utf-8", "replace")
        words = [token.text for token in significant(tokens(own))]
        return bool(words) and _contains(self._words, words)


def _contains(longer: list[str], shorter: list[str]) -> bool:
    size = len(shorter)
    return any(longer[at : at + size] == shorter for at in range(len(longer) - size + 1))
