"""Where a held-out function stands in its crate, and which part of an answer is inserted there."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import structs

from rustml.errors import InputError
from rustml.origin import crate_folder as source_folder
from rustml.origin import directory_of
from rustml.records import Origin, Pair, Record
from rustml.rust.lexer import tokens
from rustml.rust.syntax import functions, inner_attributes
from rustml.tasks import TASKS

FORBIDDEN = frozenset(
    {"unsafe", "extern", "cfg", "cfg_attr", "asm", "global_asm", "no_mangle", "export_name", "macro_export"}
)
"""Words that a candidate may use only where the reference does: they leave safe Rust, or hide code from a test."""


class InsertionSite(Record, frozen=True):
    """A function in its crate, whose text an answer replaces."""

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
        """The file with `function` instead of the reference.

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


class SiteNotFound(Exception):
    """The reference cannot be found in its crate; the text is the reason's short name."""


def locate(pair: Pair, folder: Path, vendor: Path) -> InsertionSite:
    """Find the function that the pair's answer replaces. Raises SiteNotFound."""
    site = locate_function(pair.id, pair.origin, pair.span, folder, vendor)
    spans = functions((folder / pair.origin.path).read_bytes()) if any(pair.tested) else []
    tested = next((span.body + 1 for span in spans if (span.start, span.end) == pair.tested), -1)
    return structs.replace(site, task=pair.task, given=pair.given, tested=tested)


def locate_function(identity: str, origin: Origin, span: tuple[int, int], folder: Path, vendor: Path) -> InsertionSite:
    """Find the function at these offsets of a crate's file, which a whole function replaces. Raises SiteNotFound."""
    source = _source(origin, folder)
    function = next((one for one in functions(source) if (one.start, one.end) == span), None)
    if function is None:
        raise SiteNotFound("not_found_in_file")
    return InsertionSite(
        id=identity,
        task="sig_doc_impl",
        folder=str(folder),
        vendor=str(vendor),
        path=origin.path,
        start=function.start,
        body=function.body,
        end=function.end,
        name=function.name,
        reference=source[function.start : function.end].decode(),
    )


def _source(origin: Origin, folder: Path) -> bytes:
    try:
        source = (folder / origin.path).read_bytes()
    except OSError as error:
        raise SiteNotFound("file_is_gone") from error
    if hashlib.sha256(source).hexdigest() != origin.sha256:
        raise SiteNotFound("file_changed")
    return source


def crate_folder(origin: Origin, unpacked: Path) -> Path:
    """The crate's full source: the directory source's own folder, or what harvest unpacked. Raises SiteNotFound."""
    folder = source_folder(origin, unpacked)
    if folder is None:
        raise SiteNotFound("no_crate_source")
    return folder


def vendor_folder(origin: Origin, path: str) -> Path | None:
    """The directory source that dependencies come from: `path`, or that of the crate itself; None for neither."""
    folder = Path(path) if path else directory_of(origin.registry)
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is not a Cargo directory source; make one with `cargo vendor`, or name another")
    return folder


def insertable_function(site: InsertionSite, code: str) -> tuple[str, str]:
    """The candidate's function, and why it may not stand there (`syntax`, or a policy); one of them is empty.

    Only the function is taken over: attributes and other items of the answer are left out. A written test gets the
    reference's name, by which it is called: the question did not say it.
    """
    return first_insertable(site, TASKS[site.task].functions(code, site.given, site.reference))


def first_insertable(site: InsertionSite, texts: Iterable[str]) -> tuple[str, str]:
    """As `insertable_function`, from whole functions: the first text with the function of the site decides."""
    for text in texts:
        source = text.encode()
        for span in functions(source):
            if span.name == site.name or site.writes_test:
                function = _renamed(source[span.start : span.end].decode(), span.name, site.name)
                return (function, _forbidden(function, site)) if span.whole else ("", "syntax")
    return "", "syntax"


def _renamed(function: str, old: str, new: str) -> str:
    return function if old == new else re.sub(rf"\bfn\s+{re.escape(old)}\b", f"fn {new}", function, count=1)


def _forbidden(function: str, site: InsertionSite) -> str:
    allowed = {token.text for token in tokens(site.reference) if token.kind == "ident"}
    words = {token.text for token in tokens(function) if token.kind == "ident"} & FORBIDDEN - allowed
    if words:
        return f"`{min(words)}`, which the reference does without"
    return "an inner attribute" if inner_attributes(function.encode()) else ""
