"""From a training record back to its legal basis, and to its own lines in its file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import InputError
from rustml.licence import Gate
from rustml.pairs.split import PARTS
from rustml.records import Pair, Problem, read_jsonl
from rustml.rust.functions import parse

FENCED = re.compile(r"```rust\n(.*)```\s*", re.DOTALL)
MINED = "mined.jsonl"
"""The file of the `mine` stage."""
NOT_IN_ONE_PLACE = (0, 0)


@dataclass(frozen=True)
class Lines:
    """A stretch of a file."""

    first: int
    """Number of its first line, from 1."""
    last: int
    text: str

    @property
    def numbers(self) -> str:
        """`FIRST-LAST`, as editors read it."""
        return f"{self.first}-{self.last}"


@dataclass(frozen=True)
class OwnLines:
    """Where a record's answer stands in its file."""

    lines: Lines
    """The function that the answer was made from, with its documentation; the piece of a raw record."""
    tested: Lines | None
    """The function that is tested, where the answer is a test."""
    holds_answer: bool
    """Whether the answer, or each of its lines in their order, is found in `lines`."""


def find(pair_id: str, folder: Path) -> Iterator[tuple[str, Pair]]:
    """Yield part and record of every record of the pairs output in `folder` whose id begins with `pair_id`.

    Problems of the `mine` stage count as records whose answer is their reference. Raises InputError when `folder` is
    neither stage's output.
    """
    if (folder / MINED).is_file():
        yield from _mined(pair_id, folder / MINED)
        return
    paths = [path for part in PARTS if (path := folder / f"{part}.jsonl").is_file()]
    if not paths:
        raise InputError(f"{folder} is not an output of the pairs stage: it holds none of {', '.join(PARTS)}.jsonl")
    for path in paths:
        if not _mentions(path, pair_id):
            continue
        for pair in read_jsonl(path, Pair):
            if pair.id.startswith(pair_id):
                yield path.stem, pair


def _mined(problem_id: str, path: Path) -> Iterator[tuple[str, Pair]]:
    for problem in read_jsonl(path, Problem):
        if problem.id.startswith(problem_id) and problem.origin is not None:
            _, _, rest = (
                problem.reference.partition("{\n") if "::" in problem.entry_point else ("", "", problem.reference)
            )
            code = rest.rstrip().removesuffix("}") if "::" in problem.entry_point else rest
            yield (
                problem.split,
                Pair(
                    id=problem.id,
                    task=path.stem,
                    instruction=problem.instruction,
                    answer=f"```rust\n{code.strip()}\n```",
                    origin=problem.origin,
                    span=problem.span,
                ),
            )


def _mentions(path: Path, pair_id: str) -> bool:
    """Whether a file holds an id that begins like this, found without decoding its lines."""
    prefix = f'"id":"{pair_id}'.encode()
    with path.open("rb") as lines:
        return any(line.startswith(b"{" + prefix) for line in lines)


def basis(part: str, pair: Pair, licences: Sequence[str]) -> list[tuple[str, str]]:
    """What the record is, where it comes from, its licence, and the gate's decision on that licence today."""
    origin = pair.origin
    refusal = Gate(licences).refusal(origin.licence)
    rows = [
        ("pair", pair.id),
        ("part", part),
        ("task", pair.task),
        (origin.kind, f"{origin.name} {origin.version}".strip()),
        ("licence", origin.licence),
        ("gate", "allowed" if refusal is None else f"REFUSED: {refusal.reason}: {refusal.detail}"),
        ("path", origin.path),
        ("registry", origin.registry),
        ("url", origin.url),
        ("file sha256", origin.sha256),
        ("archive sha256", origin.archive_sha256),
    ]
    return [(name, value) for name, value in rows if value]


def own_lines(pair: Pair, data: bytes) -> OwnLines | None:
    """The record's place in its file, whose bytes are `data`; None when the file holds no such place.

    A record without a span, such as a raw piece, is looked for by its text.
    """
    if pair.span == NOT_IN_ONE_PLACE:
        return _by_text(pair.answer, data)
    lines = _function(data, pair.span)
    if lines is None:
        return None
    tested = None if pair.tested == NOT_IN_ONE_PLACE else _function(data, pair.tested)
    return OwnLines(lines, tested, _holds(lines.text, pair.answer))


def _function(data: bytes, span: tuple[int, int]) -> Lines | None:
    """The function of exactly this span with its documentation, or None."""
    file = parse(data.decode("utf-8", "replace"))
    for function in file.functions if file else ():
        if (function.fn_start, function.end) == span:
            return _lines(data, function.start, function.end)
    return None


def _by_text(answer: str, data: bytes) -> OwnLines | None:
    """The place of a raw piece; one in an `impl` has the header around it, which its file holds elsewhere."""
    inner = answer.partition(" {\n")[2].removesuffix("\n}")
    for text in (answer, inner.strip()):
        start = data.find(text.encode()) if text else -1
        if start >= 0:
            return OwnLines(_lines(data, start, start + len(text.encode())), None, holds_answer=True)
    return None


def _lines(data: bytes, start: int, end: int) -> Lines:
    """The whole lines around a range of bytes."""
    first, last = data.count(b"\n", 0, start) + 1, data.count(b"\n", 0, max(start, end - 1)) + 1
    begin, stop = data.rfind(b"\n", 0, start) + 1, data.find(b"\n", end)
    return Lines(first, last, data[begin : stop if stop >= 0 else len(data)].decode("utf-8", "replace"))


def _holds(source: str, answer: str) -> bool:
    """Whether the lines of a fenced answer are lines of `source`, in order; of any other answer, its words.

    Indentation does not count: the parts of a method are outdented. An answer leaves out what is not its task's, such
    as the documentation above a function.
    """
    fenced = FENCED.fullmatch(answer)
    if fenced is None:
        return re.search(rf"(?<!\w){re.escape(answer.strip('`'))}(?!\w)", source) is not None
    lines = (line.strip() for line in source.splitlines())
    return all(any(line == own for line in lines) for own in _stripped(fenced[1]))


def _stripped(code: str) -> list[str]:
    return [line.strip() for line in code.splitlines() if line.strip()]
