"""Trace a training record: find it in the outputs of the pairs stage, and check the bytes that it came from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rustml.cache_layout import CacheLayout
from rustml.corpus.origin_bytes import fetch, look_up, place_of
from rustml.errors import InputError
from rustml.pairs.make_pairs import ID_DIGITS
from rustml.pairs.split import PARTS
from rustml.pairs.trace import Lines, OwnLines, basis, find, own_lines
from rustml.profile import Profile
from rustml.records import Pair
from rustml.tasks import task_of

LONGEST_LIST = 50
Match = tuple[str, Pair]
"""Part and record."""


@dataclass(frozen=True)
class Output:
    """An output of the pairs stage to look in."""

    folder: Path
    run_id: str = ""
    """The run that made it; empty for a folder that the user names, which must be such an output."""

    @property
    def is_gone(self) -> bool:
        """Whether a run's files have been deleted since."""
        return bool(self.run_id) and not any((self.folder / f"{part}.jsonl").is_file() for part in (*PARTS, "mined"))

    @property
    def label(self) -> str:
        """How a message names it."""
        run = f"run {self.run_id} ({self.folder})" if self.run_id else str(self.folder)
        return f"{run}: its files are gone" if self.is_gone else run


@dataclass(frozen=True)
class Tracer:
    """Tells where records come from, and checks it."""

    profile: Profile
    cache: Callable[[], CacheLayout]
    """Called for a record from an archive alone."""
    fetch: bool = False
    """Whether a missing archive is brought from its recorded address."""

    def report(self, pair_id: str, outputs: Iterable[Output]) -> Iterator[str]:
        """The lines about the record of this id, once for each place that holds it; a list where it begins several.

        Raises InputError when no output holds such a record, with the outputs that were looked in.
        """
        matches = _matches(pair_id, outputs)
        by_id = {pair.id: (part, pair) for part, pair in matches}
        if len(by_id) > 1:
            yield from _listing(pair_id, [by_id[name] for name in sorted(by_id)])
            return
        for part, pair in matches:
            yield from self._record(part, pair)
            yield ""

    def _record(self, part: str, pair: Pair) -> Iterator[str]:
        """Basis, checks and own lines of one record."""
        yield from map(_row, basis(part, pair, self.profile.pairs.licences))
        cache = self.cache() if place_of(pair.origin) == "archive" else CacheLayout(Path())
        if self.fetch:
            fetch(pair.origin, cache, self.profile.harvest)
        source = look_up(pair.origin, cache, self.profile.harvest.limits)
        yield from map(_row, source.checks)
        if source.data is not None:
            yield from _place(pair, own_lines(pair, source.data))


def _matches(pair_id: str, outputs: Iterable[Output]) -> list[Match]:
    """The records of the first output that holds the whole id; of all outputs for the beginning of one, each once."""
    tried: list[str] = []
    matches: list[Match] = []
    for output in outputs:
        tried.append(output.label)
        if output.is_gone:
            continue
        known = {pair.id for _, pair in matches}
        matches += [(part, pair) for part, pair in find(pair_id, output.folder) if pair.id not in known]
        if matches and len(pair_id) >= ID_DIGITS:
            break
    if not matches:
        raise InputError(_missing(pair_id, tried))
    return matches


def _missing(pair_id: str, tried: list[str]) -> str:
    if not tried:
        return (
            f"no output of the pairs stage holds a record {pair_id}: the tracking store has no complete run of pairs. "
            f"--output names a folder to look in"
        )
    more = f" and {len(tried) - LONGEST_LIST} more" if len(tried) > LONGEST_LIST else ""
    places = "".join(f"\n  {label}" for label in tried[:LONGEST_LIST])
    return (
        f"no output of the pairs stage holds a record {pair_id}; --output names another folder to look in. "
        f"Looked in:{places}{more}"
    )


def _listing(pair_id: str, matches: list[Match]) -> Iterator[str]:
    yield f"{len(matches)} records begin with {pair_id}; give more of one's id:"
    for part, pair in matches[:LONGEST_LIST]:
        yield f"  {pair.id}  {part}  {pair.task}  {pair.origin.label}"
    if len(matches) > LONGEST_LIST:
        yield f"  and {len(matches) - LONGEST_LIST} more"


def _place(pair: Pair, own: OwnLines | None) -> Iterator[str]:
    """The lines of the record in its file, and whether its answer is there."""
    path = pair.origin.path
    if own is None:
        yield _row(("lines", f"{path} holds NO function or piece of this record"))
        return
    yield _row(("lines", f"{path}:{own.lines.numbers}"))
    if own.tested:
        yield _row(("tested", f"{path}:{own.tested.numbers}"))
    otherwise = "NOT found in these lines" if task_of(pair.task).from_source else "made from these lines"
    yield _row(("answer", "found in these lines" if own.holds_answer else otherwise))
    yield from _numbered(own.lines)


def _numbered(lines: Lines) -> Iterator[str]:
    width = len(str(lines.last))
    for number, line in enumerate(lines.text.splitlines(), start=lines.first):
        yield f"  {number:>{width}}  {line}".rstrip()


def _row(row: tuple[str, str]) -> str:
    return f"{row[0]:>15}  {row[1]}"
