"""The functions of a crate that are looked at, each with its place in the compiler's files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.insertion import Insertion, JudgeableSite
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.sites import InsertionSite
from rustml.records import Candidate, Edit, SourceFile
from rustml.rust.functions import Function, is_unfinished, outdent, parse
from rustml.sharding import Funnel
from rustml.tasks import documented

ID_DIGITS = 16


@dataclass(frozen=True, eq=False)
class Target:
    """A function of a curated file."""

    file: SourceFile
    function: Function
    folder: Path
    """The crate's."""

    @property
    def key(self) -> str:
        """Names the function across the corpus."""
        return f"{self.file.origin.label}:{self.function.start}"

    @property
    def span(self) -> tuple[int, int]:
        """Byte offsets in its file, attributes left out."""
        return self.function.fn_start, self.function.end

    @cached_property
    def text(self) -> str:
        """The function without documentation and attributes, as it stands."""
        return self.function.signature + self.function.body

    def insertion(self, text: str, crate: PreparedCrate, call: int) -> Insertion:
        """`text` in the place of the function, for the compiler's call of this number."""
        function = self.function
        site = InsertionSite(
            id=self.key,
            task="sig_doc_impl",
            folder=str(self.folder),
            vendor="",
            path=self.file.origin.path,
            start=function.fn_start,
            body=function.body_start,
            end=function.end,
            name=function.name,
            reference=self.text,
        )
        candidate = Candidate(id=self.key, code="", tests="", entry_point=function.name)
        return Insertion(candidate, JudgeableSite(site, Eligibility(call=call), crate), text)

    def edit(self, task: str, before: str, after: str, notes: Sequence[str], codes: Sequence[str]) -> Edit:
        """A record of the function: `before` and `after` are texts in the place of `text`."""
        attributes = documented(self.function, self.key, ()).attributes
        texts = [attributes + outdent(text, self.function) for text in (before, after)]
        identity = "\0".join((task, self.key, *texts)).encode()
        return Edit(
            id=hashlib.sha256(identity).hexdigest()[:ID_DIGITS],
            task=task,
            origin=self.file.origin,
            span=self.span,
            before=texts[0],
            after=texts[1],
            context=self.function.context,
            notes=tuple(notes),
            codes=tuple(codes),
            weight=self.file.weight,
        )


def targets(files: Sequence[SourceFile], folder: Path, most: int, funnel: Funnel) -> Iterator[Target]:
    """Functions outside tests in a crate's files, of at most `most` characters."""
    for file in files:
        parsed = parse(file.text)
        for function in parsed.functions if parsed else ():
            target = Target(file, function, folder)
            reason = _unsuited(target, most)
            if reason:
                funnel.drop("function", reason, target.key)
            else:
                funnel.keep("function")
                yield target


def _unsuited(target: Target, most: int) -> str:
    if target.function.in_test:
        return "test"
    if is_unfinished(target.function):
        return "unfinished"
    return "long" if len(target.text) > most else ""


def unchanged(files: Sequence[SourceFile], folder: Path) -> Mapping[str, SourceFile]:
    """By path, the files whose bytes in the crate's folder are those that were curated."""
    return {
        file.origin.path: file
        for file in files
        if (path := folder / file.origin.path).is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest() == file.origin.sha256
    }
