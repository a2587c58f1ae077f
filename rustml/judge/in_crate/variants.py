"""One program that holds many candidates, each a variant of its function that is chosen when the program starts.

The body of a function becomes `{ match crate::NAME::variant() { 1|2 => {a candidate's}, _ => {the reference's} } }`.
NAME is drawn after all candidates are known, so that none of them can name it, and the number is read from the
environment once, before the first variant runs: what a candidate does to the environment later changes nothing. A
program without a number ends at the first function that has variants.
"""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from rustml.judge.in_crate.insertion import Insertion
from rustml.judge.in_crate.sites import InsertionSite

SELECTOR = """
#[doc(hidden)]
pub(crate) mod NAME {
    extern crate std;
    static CHOSEN: self::std::sync::OnceLock<u32> = self::std::sync::OnceLock::new();
    pub(crate) fn variant() -> u32 {
        *CHOSEN.get_or_init(|| match self::std::env::var("NAME").map(|text| text.parse()) {
            Ok(Ok(number)) => number,
            _ => self::std::process::abort(),
        })
    }
}
"""
Edit = tuple[int, int, bytes]
"""Byte offsets in a file, and what takes the place of what is between them."""


class Variants:
    """The files of a crate with all of these insertions in them, and what chooses one."""

    def __init__(self, insertions: Sequence[Insertion]) -> None:
        self.insertions = insertions
        self._name = f"variants_{secrets.token_hex(16)}"
        self._numbers = {insertion: 2 * count + 1 for count, insertion in enumerate(insertions)}

    @property
    def none(self) -> dict[str, str]:
        """The environment in which every function is its reference."""
        return {self._name: "0"}

    def choosing(self, insertion: Insertion) -> dict[str, str]:
        """The environment in which the program is the crate with this insertion."""
        return {self._name: str(self._numbers[insertion])}

    def panicking(self, insertion: Insertion) -> dict[str, str]:
        """The same, where the function that a written test is of panics."""
        return {self._name: str(self._numbers[insertion] + 1)}

    def files(self, root: str) -> dict[str, bytes]:
        """By path, the files that are not as the crate has them; `root` is the path of the crate's root module."""
        folder = Path(self.insertions[0].site.folder)
        edits = self._edits()
        files = {path: edited(_source(folder, path), edits.get(path, [])) for path in {root, *edits}}
        files[root] += SELECTOR.replace("NAME", self._name).encode()
        return files

    def _edits(self) -> dict[str, list[Edit]]:
        """By path, the edits: one for each function that has variants or a written test of it."""
        insides: dict[tuple[str, int], bytes] = {}
        for path, at, text in self._entries():
            insides[path, at] = insides.get((path, at), b"") + text
        edits: dict[str, list[Edit]] = {}
        by_place: dict[tuple[str, int, int], list[Insertion]] = {}
        for insertion in self.insertions:
            site = insertion.site
            by_place.setdefault((site.path, site.body, site.end), []).append(insertion)
        for (path, body, end), group in by_place.items():
            arms = self._match(group[0].site, group)
            edits.setdefault(path, []).append((body, end, b"{" + insides.pop((path, body + 1), b"") + arms + b"}"))
        for (path, at), text in insides.items():
            edits.setdefault(path, []).append((at, at, text))
        return edits

    def _match(self, site: InsertionSite, group: Sequence[Insertion]) -> bytes:
        arms = [f"{self._numbers[one]}|{self._numbers[one] + 1}=>{one.body}".encode() for one in group]
        reference = site.reference.encode()[site.body - site.start :]
        return f"match crate::{self._name}::variant(){{".encode() + b"\n".join([*arms, b"_=>" + reference]) + b"}"

    def _entries(self) -> Iterator[tuple[str, int, bytes]]:
        """Path, offset and text of the panics that show whether written tests call what they are of."""
        for one in self.insertions:
            if one.site.writes_test and one.site.tested >= 0:
                text = f' if crate::{self._name}::variant()=={self._numbers[one] + 1}{{panic!("{self._name}")}}'
                yield one.site.path, one.site.tested, text.encode()


def edited(source: bytes, edits: Sequence[Edit]) -> bytes:
    """The source with every edit made; no two of them overlap."""
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def _source(folder: Path, path: str) -> bytes:
    return (folder / path).read_bytes()
