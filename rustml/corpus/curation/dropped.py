"""What a pass of curation drops: counted always, and written with its reason where the profile asks for it."""

from collections.abc import Iterable
from pathlib import Path

from rustml.records import Record, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Funnel

DROPPED = "dropped.jsonl"
"""Name of the file of DroppedFile records in each shard."""


class DroppedFile(Record, frozen=True, omit_defaults=True):
    """A file that was dropped."""

    step: str
    """The funnel's step that dropped it."""
    reason: str
    """As the funnel counts it; for `contamination`, the first bank that the file overlaps."""
    file: SourceFile
    repeats: str = ""
    """The file that was kept in its place, of a duplicate."""


class Losses:
    """The funnel of one shard, and its dropped files where `keep` is set."""

    def __init__(self, steps: Iterable[str], *, keep: bool) -> None:
        self.funnel = Funnel(steps)
        self._keep = keep
        self._files: list[DroppedFile] = []

    def drop(self, file: SourceFile, step: str, reason: str, repeats: str = "") -> None:
        """Count a file that `step` dropped."""
        label = f"{file.origin.label} = {repeats}" if repeats else file.origin.label
        self.funnel.drop(step, reason, label)
        if self._keep:
            self._files.append(DroppedFile(step=step, reason=reason, repeats=repeats, file=file))

    def save(self, folder: Path, earlier: Path | None = None) -> None:
        """Write the dropped files into the shard `folder`, after those of the shard `earlier` of the pass before."""
        if self._keep:
            before = read_jsonl(earlier / DROPPED, DroppedFile) if earlier else ()
            write_jsonl(folder / DROPPED, [*before, *self._files])
