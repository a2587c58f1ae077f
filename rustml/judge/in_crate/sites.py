"""Where a held-out function stands in its crate, and what of an answer is put there."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rustml.errors import InputError
from rustml.records import Origin, Pair, Record
from rustml.rust.lexer import tokens
from rustml.rust.syntax import functions, inner_attributes
from rustml.tasks import TASKS

BLOCK = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
FORBIDDEN = frozenset(
    {"unsafe", "extern", "cfg", "cfg_attr", "asm", "global_asm", "no_mangle", "export_name", "macro_export"}
)
"""Words that a candidate may use only where the reference does: they leave safe Rust, or hide code from a test."""


class Site(Record, frozen=True):
    """A function's place in its crate."""

    id: str
    """The pair's."""
    task: str
    folder: str
    """The crate's folder."""
    vendor: str
    """The Cargo directory source that its dependencies come from."""
    path: str
    """The file, relative to the crate."""
    start: int
    body: int
    end: int
    """Byte offsets in the file: visibility or `fn`, opening brace, end."""
    name: str
    reference: str
    """The function as it stands there, without documentation and attributes."""
    given: str = ""
    """The pair's: code of the question that makes a whole function of the answer."""
    tested: int = -1
    """Where the reference is a test: offset after the opening brace of the function that it tests; -1 for none."""

    @property
    def writes_test(self) -> bool:
        """Whether the reference is a test."""
        return TASKS[self.task].answer_kind == "test"

    def file(self, function: str, entry: str = "") -> bytes:
        """The file with `function` in the place of the reference.

        `entry` is a statement put before all others of the function that the reference tests.
        """
        edits = [(self.start, self.end, function), *([(self.tested, self.tested, f" {entry}")] if entry else [])]
        source = (Path(self.folder) / self.path).read_bytes()
        for start, end, text in sorted(edits, reverse=True):
            source = source[:start] + text.encode() + source[end:]
        return source

    def file_with_entry(self, statement: str) -> bytes:
        """The file with a statement put before all others of the reference's body."""
        head = self.reference.encode()[: self.body - self.start + 1]
        rest = self.reference.encode()[self.body - self.start + 1 :]
        return self.file((head + f" {statement}".encode() + rest).decode())


class Unplaced(Exception):
    """The reference's place cannot be found; the text is the reason's short name."""


def blocks(text: str) -> list[str]:
    """Contents of the fenced blocks of a text."""
    return [match[1] for match in BLOCK.finditer(text)]


def locate(pair: Pair, folder: Path, vendor: Path) -> Site:
    """Find the function whose place the pair's answer takes. Raises Unplaced."""
    source = _source(pair.origin, folder)
    spans = {(span.start, span.end): span for span in functions(source)}
    span = spans.get(pair.span)
    if span is None:
        raise Unplaced("not_found_in_file")
    tested = spans.get(pair.tested)
    return Site(
        id=pair.id,
        task=pair.task,
        folder=str(folder),
        vendor=str(vendor),
        path=pair.origin.path,
        start=span.start,
        body=span.body,
        end=span.end,
        name=span.name,
        reference=source[span.start : span.end].decode(),
        given=pair.given,
        tested=tested.body + 1 if tested is not None else -1,
    )


def _source(origin: Origin, folder: Path) -> bytes:
    try:
        source = (folder / origin.path).read_bytes()
    except OSError as error:
        raise Unplaced("file_is_gone") from error
    if hashlib.sha256(source).hexdigest() != origin.sha256:
        raise Unplaced("file_changed")
    return source


def crate_folder(origin: Origin, unpacked: Path) -> Path:
    """The crate's full source: the directory source's own folder, or what harvest unpacked. Raises Unplaced."""
    place = urlsplit(origin.url)
    if place.scheme == "file":
        folder = Path(unquote(place.path))
    else:
        folder = unpacked / origin.archive_sha256 / f"{origin.name}-{origin.version}"
    if origin.kind != "crate" or not (folder / "Cargo.toml").is_file():
        raise Unplaced("no_crate_source")
    return folder


def vendor_folder(origin: Origin, given: str) -> Path:
    """The directory source that dependencies come from: `given`, or that of the crate itself. Raises Unplaced."""
    place = given or origin.registry.partition("directory+")[2]
    if not place:
        raise Unplaced("no_dependencies")
    if not Path(place).is_dir():
        raise InputError(f"{place} is no Cargo directory source; make one with `cargo vendor`, or name another")
    return Path(place)


def placed(site: Site, code: str) -> tuple[str, str]:
    """The candidate's function, and why it may not stand there (`syntax`, or a policy); one of them is empty.

    Only the function travels: what else an answer holds, its attributes among it, stays behind. A written test is
    given the reference's name: the question did not say it, and it is what the test is called by.
    """
    return fitted(site, TASKS[site.task].functions(code, site.given, site.reference))


def fitted(site: Site, texts: Iterable[str]) -> tuple[str, str]:
    """The same of texts that hold whole functions, the first that has the site's function."""
    for text in texts:
        source = text.encode()
        for span in functions(source):
            if span.name == site.name or site.writes_test:
                function = _renamed(source[span.start : span.end].decode(), span.name, site.name)
                return (function, _forbidden(function, site)) if span.whole else ("", "syntax")
    return "", "syntax"


def _renamed(function: str, old: str, new: str) -> str:
    return function if old == new else re.sub(rf"\bfn\s+{re.escape(old)}\b", f"fn {new}", function, count=1)


def _forbidden(function: str, site: Site) -> str:
    allowed = {token.text for token in tokens(site.reference) if token.kind == "ident"}
    used = {token.text for token in tokens(function) if token.kind == "ident"} & FORBIDDEN - allowed
    if used:
        return f"`{min(used)}`, which the reference does without"
    return "an inner attribute" if inner_attributes(function.encode()) else ""
