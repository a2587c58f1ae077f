"""The items of a crate, by name: what a function needs to stand outside its crate is looked up here."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from tree_sitter import Node

from rustml.judge.screening.imports import leaves
from rustml.records import SourceFile
from rustml.rust.doc_comments import doc_lines
from rustml.rust.lexer import significant, tokens
from rustml.rust.tree import node_text, parse_tree

NAMED = {
    "struct_item": "type",
    "enum_item": "type",
    "union_item": "type",
    "type_item": "alias",
    "trait_item": "trait",
    "function_item": "fn",
    "const_item": "const",
    "static_item": "const",
    "macro_definition": "macro",
}
"""Node types of items with a name, and how they are called here; besides there are `method` and `impl`."""
MEMBERS = {"function_item": "method", "const_item": "method", "type_item": "method"}
TEST = re.compile(r"#\[\s*cfg\s*\(\s*(?:all\s*\(\s*)?test\b|#\[\s*(?:\w+::)*test\s*\]")
SUPPLIED_FEATURES = re.compile(
    r'#\[\s*cfg\s*\(\s*(?:any\s*\([^)]*)?feature\s*=\s*"(?:std|alloc|use_std|use_alloc|default)"'
)
KEPT_ATTRIBUTES = re.compile(r"#\[\s*(?:derive|repr|must_use|non_exhaustive|default|allow)\b")
CALL = re.compile(r"(\w+)\s*(?:::<[^()]*>)?\s*\(")
DERIVES = {"Clone", "Copy", "Debug", "Default", "Eq", "PartialEq", "Ord", "PartialOrd", "Hash"}
DERIVE = re.compile(r"#\[\s*derive\s*\(([^)]*)\)\s*\]")

STANDARD_MODULES = frozenset({
    "fmt", "io", "str", "char", "slice", "iter", "mem", "cmp", "ops", "hash", "vec", "string", "option", "result",
    "error", "num", "env", "f32", "f64",
})  # fmt: skip
"""Names that usually mean a module of the standard library, even where the crate has one of that name."""


@dataclass(frozen=True, eq=False)
class Item:
    """One item, or one member of an inherent `impl`."""

    name: str
    """Of a trait's `impl`: the trait's."""
    kind: str
    text: str
    """Without documentation; of its attributes, those that a copy outside the crate needs."""
    file: str
    start: int
    """Byte offset of the item behind its attributes."""
    end: int
    body: int
    """Byte offset of the opening brace; -1 for none."""
    leading: str
    """Documentation and attributes as they stand."""
    header: str = ""
    """Of the `impl` or `trait` around it."""
    owner: str = ""
    """The type that an `impl` is for."""
    path: str = ""
    """Of an `impl`: the trait as it is written there."""

    @cached_property
    def words(self) -> frozenset[str]:
        """The identifiers in it, and in its `impl` header."""
        return words(f"{self.header} {self.text}")

    @property
    def outline(self) -> str:
        """The item as a caller sees it: functions and `impl` blocks without their bodies."""
        if self.kind in ("fn", "method", "impl", "macro"):
            head, brace, _ = self.text.partition("{")
            return f"{head.rstrip()} {{ ... }}" if brace else self.text
        return self.text


@dataclass(frozen=True, eq=False)
class UnitTest:
    """A test function, with what its module offers it."""

    name: str
    text: str
    file: str
    siblings: tuple[Item, ...]
    """Items of its module that are not tests."""
    imports: str
    """The `use` declarations of its module."""

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """What it and its module import, one path each."""
        return leaves(self.imports + self.text)


@dataclass
class SourceItems:
    """The items of one file."""

    path: str
    items: list[Item] = field(default_factory=list)
    tests: list[UnitTest] = field(default_factory=list)
    imports: str = ""
    """Its `use` declarations outside test modules, one after the other."""

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """What it imports, one path each."""
        return leaves(self.imports)


class CrateItems:
    """The items of all files of a crate."""

    def __init__(self, name: str, files: Iterable[SourceFile]) -> None:
        """`name` is the crate's, as Cargo writes it. Files that do not parse offer nothing."""
        self.library = name.replace("-", "_")
        self.files: dict[str, SourceItems] = {}
        for file in files:
            root = parse_tree(file.text.encode())
            self.files[file.origin.path] = _read(root, file.text.encode(), file.origin.path)
        self.by_name: dict[str, list[Item]] = {}
        self.by_owner: dict[str, list[Item]] = {}
        for source in self.files.values():
            if source.path.startswith("src/"):
                for item in source.items:
                    index, key = (self.by_owner, item.owner) if item.owner else (self.by_name, item.name)
                    index.setdefault(key, []).append(item)
        self.callers: dict[str, list[UnitTest]] = {}
        for source in self.files.values():
            for test in source.tests:
                for callee in {match[1] for match in CALL.finditer(test.text)}:
                    self.callers.setdefault(callee, []).append(test)
        self.modules = frozenset(_modules(self.files)) | {self.library}
        modules = "|".join(
            ["crate", "super", "self", *(re.escape(name) for name in sorted(self.modules - STANDARD_MODULES))]
        )
        self.path = re.compile(rf"(?<![\w:.'])(?P<path>(?:::)?\$?(?:(?:{modules})::)+)(?P<name>\w+)")


def words(text: str) -> frozenset[str]:
    """The identifiers and keywords of Rust text."""
    return frozenset(token.text for token in significant(tokens(text)) if token.kind == "ident")


def _modules(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parts = PurePosixPath(path).with_suffix("").parts
        yield from (part for part in parts if part not in ("src", "lib", "mod", "main", "tests"))


def _read(root: Node, source: bytes, path: str) -> SourceItems:
    result = SourceItems(path)
    if path.startswith("tests/"):
        _read_tests(root, source, result)
    else:
        _read_items(root, source, result)
    return result


def _read_items(container: Node, source: bytes, result: SourceItems) -> None:
    """Add the items below a file or a module; a test module gives tests."""
    for node, leading in _led(container, source):
        body = node.child_by_field_name("body")
        if TEST.search(leading):
            if node.type == "mod_item" and body is not None:
                _read_tests(body, source, result)
            continue
        if not _active(leading) or node.has_error:
            continue
        if node.type == "use_declaration":
            result.imports += f"{node_text(node)}\n"
        elif node.type == "mod_item" and body is not None:
            _read_items(body, source, result)
        elif node.type == "impl_item" and body is not None:
            result.items += _impl_items(node, body, source, leading, result.path)
        elif (node.type == "trait_item" and body is not None) or node.type in NAMED:
            result.items.append(_item(node, NAMED[node.type], leading, result.path))


def _impl_items(node: Node, body: Node, source: bytes, leading: str, path: str) -> Iterator[Item]:
    """The members of an inherent `impl`; a trait's `impl` is one item."""
    header = source[node.start_byte : body.start_byte].decode(errors="replace").strip()
    owner = type_name(node.child_by_field_name("type"))
    trait = node.child_by_field_name("trait")
    if trait is not None:
        item = _item(node, "impl", leading, path)
        yield replace(item, name=type_name(trait), owner=owner, path=node_text(trait))
        return
    for member, lead in _led(body, source):
        if member.type in MEMBERS and _active(lead) and not member.has_error:
            yield replace(_item(member, "method", lead, path), owner=owner, header=header)


def _item(node: Node, kind: str, leading: str, path: str) -> Item:
    body = node.child_by_field_name("body")
    return Item(
        name=node_text(node.child_by_field_name("name")),
        kind=kind,
        text=attributes(leading) + node_text(node),
        file=path,
        start=node.start_byte,
        end=node.end_byte,
        body=-1 if body is None else body.start_byte,
        leading=leading,
    )


def _read_tests(container: Node, source: bytes, result: SourceItems) -> None:
    """Add the tests of a test module, or of a file of `tests/`."""
    imports, siblings = "", []
    functions: list[tuple[str, str, str]] = []
    for node, leading in _led(container, source):
        if node.has_error:
            continue
        if re.search(r"#\[\s*test\s*\]", leading):
            functions.append((node_text(node.child_by_field_name("name")), leading, node_text(node)))
        elif node.type == "use_declaration":
            imports += f"{node_text(node)}\n"
        elif node.type in NAMED:
            siblings.append(_item(node, NAMED[node.type], leading, result.path))
    for name, leading, text in functions:
        if "should_panic" not in leading and "ignore" not in leading and "cfg" not in leading:
            result.tests.append(UnitTest(name, f"#[test]\n{text}", result.path, tuple(siblings), imports))


def _led(container: Node, source: bytes) -> Iterator[tuple[Node, str]]:
    """Each item with the documentation and attributes that stand before it."""
    start = -1
    for node in container.named_children:
        if node.type in ("line_comment", "block_comment", "attribute_item"):
            start = node.start_byte if start < 0 else start
            continue
        yield node, source[start : node.start_byte].decode(errors="replace") if start >= 0 else ""
        start = -1


def _active(leading: str) -> bool:
    """Whether an item is compiled without features but those that stand for the standard library."""
    code = "\n".join(line for line in leading.splitlines() if not line.strip().startswith("//"))
    return not re.search(r"#\[\s*cfg\s*\(", code) or SUPPLIED_FEATURES.search(code) is not None


def attributes(leading: str) -> str:
    """The attributes that a copy needs, one per line; derives of other crates are left out."""
    documentation = set(doc_lines(leading))
    lines = [line.strip() for line in leading.splitlines() if line.strip() not in documentation]
    return "".join(
        f"{DERIVE.sub(_derives, line)}\n" for line in lines if KEPT_ATTRIBUTES.match(line) and line[-1] == "]"
    )


def _derives(match: re.Match[str]) -> str:
    names = [name.strip() for name in match[1].split(",")]
    own = [name for name in names if name.rpartition("::")[2] in DERIVES]
    return f"#[derive({', '.join(own)})]"


def type_name(node: Node | None) -> str:
    """The last identifier of a type's path, without its arguments; empty for what has no name."""
    if node is None:
        return ""
    if node.type == "generic_type":
        return type_name(node.child_by_field_name("type"))
    if node.type == "scoped_type_identifier":
        return node_text(node.child_by_field_name("name"))
    return node_text(node) if node.type in ("type_identifier", "primitive_type") else ""
