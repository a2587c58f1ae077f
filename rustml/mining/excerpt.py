"""The part of a crate that a function needs to stand outside it, as text that compiles by itself.

Names are resolved as far as imports and the names of items say it, and methods by their names alone. What that leaves
out or takes in wrongly the compiler reports, when the judge compiles the reference: the excerpt is then not used.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rustml.judge.screening.imports import imported_name, leaves
from rustml.mining.items import CrateItems, Item, words
from rustml.mining.scope import STANDARD, Scope

OWN = {"crate", "self", "super"}
TRAITS = frozenset({
    "Write", "Read", "BufRead", "Seek", "FromStr", "Hash", "Hasher", "BuildHasher", "Borrow", "BorrowMut", "TryFrom",
    "TryInto", "FromIterator", "ToOwned",
})  # fmt: skip
"""Traits of the standard library that are imported for their methods alone."""

RESTRICTED = re.compile(r"\bpub\s*\(\s*(?:super\s*|in\b[^()]*)\)")
DECLARATION = re.compile(r"(?<![\w.])(?:pub\s+)?use\s[^;]*;")


class NoExcerpt(Exception):
    """A function does not stand by itself; the text is the reason's short name."""


@dataclass(frozen=True)
class Excerpt:
    """What stands before a function outside its crate."""

    text: str
    outline: str
    """The same as a caller sees it: without the bodies of functions."""


def excerpt(crate: CrateItems, target: Item, tests: str, names: Iterable[str], most: int) -> Excerpt:
    """What `target` and the text of its tests need, of `most` characters at most.

    `names` are those that the tests import from the crate. Raises NoExcerpt.
    """
    reach = _Reach(crate, target, most)
    for name in names:
        reach.add_all(reach.scope.anywhere(name))
    reach.read(words(tests), target.file)
    if target.owner:
        reach.add_all(item for item in crate.by_name.get(target.owner, ()) if item.file == target.file)
    reach.close()
    return reach.excerpt()


class _Reach:
    """Items that are reachable from a function, collected until nothing new comes."""

    def __init__(self, crate: CrateItems, target: Item, most: int) -> None:
        self._crate, self._target, self._most = crate, target, most
        self.scope = Scope(crate, target)
        self.items: dict[Item, None] = {}
        self._words: set[str] = set()
        self._size = 0
        self.read(target.words, target.file)
        self._read_paths(target.text)

    def read(self, names: Iterable[str], file: str) -> None:
        """Add what these names mean in a file."""
        fresh = set(names)
        self._words |= fresh
        for name in sorted(fresh):
            self.add_all(self.scope.named_in(name, file))

    def add_all(self, items: Iterable[Item]) -> None:
        """Add items, and what their own words mean."""
        for item in items:
            if item in self.items or item is self._target:
                continue
            self.items[item] = None
            self._size += len(item.text)
            if self._size > self._most:
                raise NoExcerpt("needs_too_much")
            self.read(item.words, item.file)
            self._read_paths(item.text)

    def _read_paths(self, text: str) -> None:
        """Add what paths through the crate's modules name."""
        for match in self._crate.path.finditer(text):
            self.add_all(self.scope.anywhere(match["name"], match["path"] + match["name"]))

    def close(self) -> None:
        """Add members and `impl` blocks of the types collected, until there are no more."""
        before = -1
        while before != len(self.items):
            before = len(self.items)
            for item in [item for item in self.items if item.kind in ("type", "alias")]:
                self.add_all([one for one in self._crate.by_owner.get(item.name, ()) if self._needed(one)])

    def _needed(self, item: Item) -> bool:
        if item.kind == "method":
            return item.name in self._words
        own = self._crate.by_name.get(item.name, [])
        if any(one.kind == "trait" for one in own):
            return any(one in self.items for one in own)
        return self._is_standard(item)

    def _is_standard(self, item: Item) -> bool:
        """Whether an `impl` is of a trait of the standard library."""
        root = item.path.split("<")[0].split("::")[0].strip()
        paths = [path for path in self._crate.files[item.file].leaves if imported_name(path) == root]
        return all(path.split("::")[0] in STANDARD for path in paths) and (
            bool(paths) or root not in self._crate.modules
        )

    def excerpt(self) -> Excerpt:
        """The items in a form that compiles, macros first."""
        items = sorted(self.items, key=lambda item: (item.kind != "macro", item.file, item.start))
        _refuse_clashes(items)
        if any("unsafe" in item.words for item in items):
            raise NoExcerpt("unsafe")
        imports = self._imports(items)
        parts = [_rewritten(item.text, self._crate) for item in items]
        outlines = [_rewritten(item.outline, self._crate) for item in items]
        head = "".join(f"use {path};\n" for path in imports)
        return Excerpt(head + joined(items, parts), head + joined(items, outlines))

    def _imports(self, items: list[Item]) -> list[str]:
        """The standard library's names that the items' files import and the texts use, each once."""
        own = {item.name for item in items if not item.owner}
        if not self._target.owner:
            own.add(self._target.name)
        by_name: dict[str, str] = {}
        for file in dict.fromkeys([self._target.file, *(item.file for item in items)]):
            for path in self._crate.files[file].leaves:
                name, root = imported_name(path), path.split("::")[0]
                if root in STANDARD and name not in own and (name in self._words | TRAITS or name in ("*", "_")):
                    by_name.setdefault(path if name in ("*", "_") else name, re.sub(r"^alloc\b", "std", path))
                elif root not in STANDARD and name in self._words and self._is_foreign(root):
                    raise NoExcerpt("dependency")
                elif self._is_variant(path):
                    by_name.setdefault(name, "::".join(path.split("::")[-2:]))
        return sorted(set(by_name.values()))

    def _is_variant(self, path: str) -> bool:
        """Whether a path leads into an enumeration that is among the items."""
        owner = path.split("::")[-2:-1]
        return any(item.kind == "type" and [item.name] == owner for item in self.items)

    def _is_foreign(self, root: str) -> bool:
        return root not in OWN | self._crate.modules and root not in self._crate.by_name


def _refuse_clashes(items: list[Item]) -> None:
    """Raise NoExcerpt where items of several files have one name: they end in one module."""
    files: dict[tuple[str, bool], str] = {}
    for item in items:
        if not item.owner:
            key = item.name, item.kind in ("fn", "const", "macro")
            if files.setdefault(key, item.file) != item.file:
                raise NoExcerpt("name_clash")


def joined(items: list[Item], texts: list[str]) -> str:
    """Texts of items one after the other, members of one `impl` header together."""
    blocks: list[tuple[str, list[str]]] = []
    for item, text in zip(items, texts, strict=True):
        if not item.header:
            blocks.append(("", [text]))
        elif blocks and blocks[-1][0] == item.header:
            blocks[-1][1].append(text)
        else:
            blocks.append((item.header, [text]))
    return "".join(_block(header, members) for header, members in blocks)


def _block(header: str, members: list[str]) -> str:
    if not header:
        return f"{members[0]}\n"
    inner = "".join(f"    {member}\n" for member in members)
    return f"{header} {{\n{inner}}}\n"


def _rewritten(text: str, crate: CrateItems) -> str:
    """The text with paths into the crate cut to the last name: all items end in one module."""
    return without_crate_paths(re.sub(r"(?<![\w:])alloc::", "std::", text), crate)


def without_crate_paths(text: str, crate: CrateItems) -> str:
    """`crate::a::B` and `a::B`, where `a` is a module of the crate, become `B`; `pub(super)` becomes `pub(crate)`."""
    return crate.path.sub(r"\g<name>", RESTRICTED.sub("pub(crate)", text))


def crate_imports(paths: Iterable[str], crate: CrateItems) -> Iterator[str]:
    """Those of a test's imports that lie in the crate."""
    return (path for path in paths if path.split("::")[0] in OWN | {crate.library})


def without_crate_imports(text: str, crate: CrateItems) -> str:
    """A test without its imports from the crate, whose names the judge brings into scope."""
    roots = OWN | {crate.library}
    return DECLARATION.sub(
        lambda use: "" if any(path.split("::")[0] in roots for path in leaves(use[0])) else use[0], text
    )
