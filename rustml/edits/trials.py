"""Functions of one crate replaced and compiled, many at a time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rustml.edits.targets import Target
from rustml.judge.in_crate.columns import Columns
from rustml.judge.in_crate.crate_builds import UnfitCrate
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.insertion import Insertion
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.rust.diagnostics import Message

UNWRAP = ("clippy::unwrap_used", "clippy::expect_used", "clippy::panic")
OURS = frozenset(UNWRAP)
"""Lints that are off by default, raised to see whether a function panics where an operation fails."""
APART = 4
"""Parts into which insertions are divided whose errors cannot be told apart."""


class Outcome(NamedTuple):
    """What became of one replaced function."""

    fault: str
    """`does_not_compile` or `unclear`; empty where it compiles."""
    messages: tuple[Message, ...]
    """With offsets in its text."""


class Trials:
    """Compiles a crate by the call that makes its library, or its first program where it has none."""

    def __init__(self, sandbox: CrateSandbox, crate: PreparedCrate) -> None:
        """Raises UnfitCrate where the crate does not compile as it is."""
        self._compiler, self._crate = Recompiler(sandbox, crate, UNWRAP), crate
        calls = [number for number, call in enumerate(crate.built.invocations) if not call.test]
        libraries = [number for number in calls if crate.built.invocations[number].is_library]
        if crate.built.fault or not calls:
            raise UnfitCrate("crate_does_not_build")
        self._call = (libraries or calls)[0]
        with self._compiler.folder() as out:
            self._baseline = self._compiler.compile(crate.built.invocations[self._call], {}, "check", out)
        if not self._baseline.ok:
            raise UnfitCrate("crate_does_not_check")

    def lints(self, target: Target) -> tuple[Message, ...]:
        """What is said about the function as it is, with offsets in its text."""
        start, end = target.span
        return tuple(one.relative_to(start) for one in self._baseline.within(target.file.origin.path, start, end))

    def check(self, texts: Mapping[Target, str]) -> dict[Target, Outcome]:
        """What becomes of each function when its text is replaced, all others being as they were."""
        insertions = {target.insertion(text, self._crate, self._call): target for target, text in texts.items()}
        outcomes = self._columns(list(insertions))
        unclear = [one for one in insertions if one not in outcomes]
        size = -(-len(unclear) // APART)
        for part in (unclear[at : at + size] for at in range(0, len(unclear), size or 1)):
            outcomes |= self._columns(part)
        return {target: outcomes.get(one, Outcome("unclear", ())) for one, target in insertions.items()}

    def _columns(self, insertions: Sequence[Insertion]) -> dict[Insertion, Outcome]:
        columns = Columns(self._compiler)
        columns.check(insertions)
        compiled = {one: Outcome("", columns.said[one]) for one in columns.codes}
        return compiled | {one: Outcome("does_not_compile", columns.said[one]) for one in columns.errors}
