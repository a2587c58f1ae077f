"""Candidates of one crate compiled and linted together, many for each function, beside their reference.

The reference stays where it is. Each candidate follows it, under the same attributes and documentation, as a function
of another name, drawn anew. What the compiler and clippy say of it there is what they say of it in its place, but for
what depends on the name. That is left to `columns.py`: functions that call themselves (the reference is marked as
deprecated, so that each use of it is reported), getters, and sites of which a copy of the reference gets other lints
than the reference.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tree_sitter import Node

from rustml.judge.in_crate.alone import Codes
from rustml.judge.in_crate.insertion import Insertion, grouped
from rustml.judge.in_crate.recompile import Compiled
from rustml.judge.in_crate.shared_check import SharedCheck
from rustml.judge.in_crate.sharing import decides_elsewhere
from rustml.judge.in_crate.sites import InsertionSite
from rustml.judge.in_crate.variants import Edit, edited
from rustml.judge.rust import diagnostics
from rustml.rust.lexer import significant, tokens
from rustml.rust.tree import node_text, parse_tree

MOST = 256
"""Candidates in one compilation."""
INERT = re.compile(r"#\s*\[\s*(?:inline|must_use|doc|allow|warn|deny|cold|cfg|cfg_attr|track_caller|rustfmt|clippy)\b")
"""Attributes that a second function may have as well."""
GETTER = 10
"""Tokens of a body that only returns a field: clippy compares the field's name with the function's."""
SiteKey = tuple[str, int]


class Placed(NamedTuple):
    """Where a function stands in a file."""

    path: str
    start: int
    end: int


class Siblings(SharedCheck):
    """Checks each beside its reference."""

    def check(self, insertions: Sequence[Insertion]) -> None:
        """Decide about those that may stand beside their reference."""
        open_sites = {site for site, group in _by_site(insertions).items() if takes_siblings(group[0].site)}
        fit = [one for one in insertions if _key(one) in open_sites and may_stand_beside(one)]
        self.undecided += [one for one in insertions if one not in {*fit}]
        ordered = [one for group in _by_site(fit).values() for one in group]
        for start in range(0, len(ordered), MOST):
            self._beside(ordered[start : start + MOST])

    def _beside(self, group: Sequence[Insertion]) -> None:
        """Check these, without those at fault until all others compile."""
        layout = Layout.of(group)
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(group[0].place.call, layout.files, "check", out)
        if compilation.ok:
            self._accept(group, layout, compilation)
            return
        errors = {one: own for one, where in layout.candidates.items() if (own := compilation.errors(*where))}
        strange = {site for site, where in layout.copies.items() if compilation.errors(*where)}
        owned = sum(map(len, errors.values())) + sum(len(compilation.errors(*layout.copies[site])) for site in strange)
        if compilation.crashed or not owned or owned != len(compilation.errors()):
            self._halves(group)
            return
        self.errors |= {one: diagnostics.summary(own) for one, own in errors.items() if _key(one) not in strange}
        self.undecided += [one for one in group if _key(one) in strange]
        rest = [one for one in group if one not in errors and _key(one) not in strange]
        if rest:
            self._beside(rest)

    def _halves(self, group: Sequence[Insertion]) -> None:
        """Check a group again in two parts where a failure says nothing about one of them."""
        if len(group) == 1:
            self.undecided += group
            return
        self._beside(group[: len(group) // 2])
        self._beside(group[len(group) // 2 :])

    def _accept(self, group: Sequence[Insertion], layout: "Layout", compilation: Compiled) -> None:
        """Take the lints of those that do not use the reference, which is told the same beside itself."""
        same = {
            site: layout.lints(compilation, copy) == layout.lints(compilation, layout.references[site])
            for site, copy in layout.copies.items()
        }
        for one in group:
            where = layout.candidates[one]
            used = any(layout.note(_key(one)) in message.text for message in compilation.within(*where))
            if same[_key(one)] and not used:
                self.codes[one] = layout.lints(compilation, where)
            else:
                self.undecided.append(one)


@dataclass(frozen=True)
class Layout:
    """Files with candidates beside their references, and where each function stands there."""

    files: dict[str, bytes]
    candidates: dict[Insertion, Placed]
    references: dict[SiteKey, Placed]
    copies: dict[SiteKey, Placed]
    """A copy of each reference, among the candidates."""
    mark: str
    """Words in every warning about a use of a reference."""

    @classmethod
    def of(cls, insertions: Sequence[Insertion]) -> "Layout":
        """Put them into their files."""
        layout = cls({}, {}, {}, {}, secrets.token_hex(16))
        for group in grouped(sorted(insertions, key=lambda one: one.site.start), lambda one: one.site.path):
            layout._add_file(group)
        return layout

    def note(self, site: SiteKey) -> str:
        """What is said of each use of a site's reference."""
        return f"{self.mark} {site[1]} {site[0]}"

    def lints(self, compilation: Compiled, where: Placed) -> Codes:
        """The lints of a function, without what is said because of its neighbours: nobody calls a sibling."""
        messages = compilation.within(*where)
        return frozenset(one.code for one in messages if self.mark not in one.text) - {"", "dead_code"}

    def _add_file(self, insertions: Sequence[Insertion]) -> None:
        path, shift = insertions[0].site.path, 0
        source = (Path(insertions[0].site.folder) / path).read_bytes()
        edits: list[Edit] = []
        for key, group in _by_site(insertions).items():
            site = group[0].site
            edits.append((site.start, site.start, f'#[deprecated(note = "{self.note(key)}")] '.encode()))
            shift += len(edits[-1][2])
            self.references[key] = Placed(path, site.start + shift, site.end + shift)
            edits.append((site.end, site.end, self._beside(key, group, leading(site, source), site.end + shift)))
            shift += len(edits[-1][2])
        self.files[path] = edited(source, edits)

    def _beside(self, key: SiteKey, group: Sequence[Insertion], above: bytes, at: int) -> bytes:
        """The text that follows a reference, whose end is `at` in the file that is made."""
        site, text = group[0].site, b""
        for owner, function in ((None, site.reference), *((one, one.function) for one in group)):
            text += b"\n" + above
            start = at + len(text)
            text += _renamed(function, site.name).encode()
            placed = Placed(site.path, start, at + len(text))
            if owner is None:
                self.copies[key] = placed
            else:
                self.candidates[owner] = placed
        return text


def may_stand_beside(insertion: Insertion) -> bool:
    """Whether no lint compares a candidate's body with its name, and no other function with its body."""
    body = significant(tokens(insertion.body))
    getter = len(body) <= GETTER and any(token.text == "self" for token in body)
    name = insertion.site.name
    renamed = name != "is_empty" and _may_be_renamed(insertion.header, name)
    return renamed and not (getter or insertion.site.writes_test or decides_elsewhere(insertion))


def takes_siblings(site: InsertionSite) -> bool:
    """Whether other functions may stand behind it: neither in a trait nor under an attribute that rewrites it."""
    node = _node(site, (Path(site.folder) / site.path).read_bytes())
    if node is None or not _may_be_renamed(site.reference.encode()[: site.body - site.start].decode(), site.name):
        return False
    within = node.parent.parent if node.parent is not None and node.parent.type == "declaration_list" else None
    if within is not None and (within.type not in ("impl_item", "mod_item") or within.child_by_field_name("trait")):
        return False
    above = [*_above(node), *(_above(within) if within is not None else ())]
    return all(INERT.match(node_text(one)) for one in above if one.type == "attribute_item")


def leading(site: InsertionSite, source: bytes) -> bytes:
    """The attributes and comments of a site's function."""
    node = _node(site, source)
    above = [] if node is None else list(_above(node))
    return source[above[-1].start_byte : site.start] if above else b""


def _node(site: InsertionSite, source: bytes) -> Node | None:
    node = parse_tree(source).descendant_for_byte_range(site.start, site.end)
    while node is not None and node.type != "function_item":
        node = node.parent
    return node if node is not None and (node.start_byte, node.end_byte) == (site.start, site.end) else None


def _above(node: Node) -> Iterator[Node]:
    """Attributes and comments before an item, the nearest first, but for comments about what it stands in."""
    above = node.prev_named_sibling
    while above is not None and above.type in ("attribute_item", "line_comment", "block_comment"):
        if node_text(above).startswith(("//!", "/*!")):
            return
        yield above
        above = above.prev_named_sibling


def _may_be_renamed(header: str, name: str) -> bool:
    """Whether the first `fn` with this name is the function's own: a comment could hold another."""
    return _renamed(header, name) != header and significant(stream := tokens(header)) == stream


def _renamed(function: str, name: str) -> str:
    return re.sub(rf"\bfn\s+{re.escape(name)}\b", f"fn {name}_v{secrets.token_hex(8)}", function, count=1)


def _key(insertion: Insertion) -> SiteKey:
    return insertion.site.path, insertion.site.start


def _by_site(insertions: Sequence[Insertion]) -> dict[SiteKey, list[Insertion]]:
    return {_key(group[0]): group for group in grouped(insertions, _key)}
