"""The program that the judge writes, with the tests of many candidates as its modules.

Candidates for one problem share its tests: they are compiled once, and call the candidate whose number the process is
given before any code of it runs. Each candidate still has a function of the declared type in a file of its own, so that
what does not fit the declaration is an error of that candidate.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from rustml.judge.rust.crate_layout import Member, fresh_name, prelude_module, write_source
from rustml.judge.screening.dependency_macros import own_types


class _Shared:
    """Members whose tests are one module."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members, self.module = tuple(members), fresh_name("t")
        self.given = fresh_name("g")


class Program:
    """Source files of the program; case i is the i-th of the members last written."""

    def __init__(self, folder: Path, members: Sequence[Member], library: str) -> None:
        """The program lies in `folder`, and `library` holds the members."""
        folder.mkdir(parents=True)
        self._folder, self._library, self._harness = folder, library, fresh_name("h")
        self.pinned: dict[Member, range] = {}
        """The bytes of each member's file that pin the candidate to its signature."""
        groups: dict[object, list[Member]] = {}
        for member in members:
            groups.setdefault(member.test_file.shared_by or member, []).append(member)
        self._shared = [_Shared(group) for group in groups.values() if len(group) > 1]
        self._apart([group[0] for group in groups.values() if len(group) == 1])
        for shared in self._shared:
            self._pin(shared)

    @property
    def shared_files(self) -> frozenset[str]:
        """The stems of the files that belong to several members."""
        return frozenset(shared.module for shared in self._shared)

    def part(self, files: Collection[str]) -> None:
        """Give the members that share one of these files a file each."""
        for shared in [one for one in self._shared if one.module in files]:
            self._shared.remove(shared)
            self._apart(shared.members)

    def write(self, alive: Sequence[Member]) -> None:
        """Write what depends on which members are left."""
        numbers = {member: number for number, member in enumerate(alive)}
        homes = {member: shared for shared in self._shared for member in shared.members}
        lines = [f"extern crate harness as {self._harness};\nextern crate {self._library};\n"]
        for shared in self._shared:
            left = {numbers[member]: member for member in shared.members if member in numbers}
            if left:
                self._choose(shared, left)
                lines.append(f"{prelude_module(shared.members[0])}mod {shared.module};\n")
        lines += [f"{prelude_module(member)}mod {member.tests};\n" for member in alive if member not in homes]
        cases = ",\n".join(f"    {self._case(member, homes.get(member))}" for member in alive)
        lines.append(f"static CASES: &[{self._harness}::Case] = &[\n{cases},\n];\n")
        lines.append(f"fn main() {{\n    {self._harness}::supervise(CASES);\n}}\n")
        (self._folder / "main.rs").write_text("".join(lines))

    def _apart(self, members: Iterable[Member]) -> None:
        for member in members:
            names = {"root": member.path(self._library), "prelude": member.prelude, "here": member.tests}
            text, pinned = member.test_file.render(harness=self._harness, given=fresh_name("g"), **names)
            self.pinned[member] = pinned
            write_source(self._folder / f"{member.tests}.rs", text)

    def _pin(self, shared: _Shared) -> None:
        folder = self._folder / shared.module
        folder.mkdir()
        for member in shared.members:
            text, self.pinned[member] = member.test_file.render_pin(member.path(self._library), self._harness)
            write_source(folder / f"{member.tests}.rs", text)

    def _choose(self, shared: _Shared, left: dict[int, Member]) -> None:
        first = shared.members[0]
        names = {"prelude": first.prelude, "harness": self._harness, "given": shared.given, "here": shared.module}
        targets = {number: member.tests for number, member in left.items()}
        text = first.test_file.render_shared(targets, root=first.path(self._library), **names)
        write_source(self._folder / f"{shared.module}.rs", text)

    def _case(self, member: Member, shared: _Shared | None) -> str:
        module, harness = shared.module if shared is not None else member.tests, self._harness
        tests = []
        for function in member.test_file.functions:
            call = f"|| {harness}::Outcome::succeeded({module}::{function.path}())"
            panics = "None" if function.panics is None else f"Some({function.panics})"
            tests.append(f"{harness}::Test {{ call: {call}, panics: {panics} }}")
        own, comparable = own_types(member.source, member.candidate.dependencies), member.test_file.comparable
        allowed = "None" if comparable is None else f"Some({_strings(comparable)})"
        trust = f"library: {json.dumps(self._library)}, unequal: {_strings(own.unequal)}, "
        trust += f"unordered: {_strings(own.unordered)}, allowed: {allowed}"
        watched = json.dumps(member.test_file.watched)
        return (
            f'{harness}::Case {{ tests: &[{", ".join(tests)}], file: "{module}.rs", own_file: "{member.tests}.rs", '
            f"watched: {watched}, trust: {harness}::Trust {{ {trust} }} }}"
        )


def _strings(names: Iterable[str]) -> str:
    return f"&[{', '.join(json.dumps(name, ensure_ascii=False) for name in sorted(names))}]"
