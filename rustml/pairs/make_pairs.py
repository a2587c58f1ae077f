"""Make the records of a shard of curated files."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from rustml.pairs.split import fraction, part_of
from rustml.profile.pairs import PairsSection
from rustml.records import SOURCE_FILES, Edit, Origin, Pair, Record, SourceFile, read_jsonl, write_jsonl
from rustml.rust.doc_comments import doc_text
from rustml.rust.functions import File, Function, body_lines, is_test, is_unfinished, parse
from rustml.sharding import Funnel, Summary
from rustml.similarity.minhash import Signature, signature, token_hashes
from rustml.similarity.overlap import Overlap, stored
from rustml.tasks import EDIT_TASKS, TASKS, DocumentedFunction, Draft, documented

PAIRS, RAW, MARKS = "pairs.jsonl", "raw.jsonl", "marks.json"
FILE_MARKS, FUNCTION_MARKS, PIECE_MARKS = "files.npy", "functions.npy", "pieces.npy"
STAGES = ("parse", "function", "contamination")
ID_DIGITS = 16
"""Hex digits of a record's id."""


class ExtractPairs(Record, frozen=True):
    """The job of one shard: parse, select functions, make the records of each task, decontaminate."""

    section: PairsSection
    shards: tuple[str, ...]
    """Folders of the curated shards."""
    protected: str
    edits: str = ""
    """File of verified changes, which are a shard of their own; empty for none."""

    @property
    def count(self) -> int:
        """Shards in all."""
        return len(self.shards) + bool(self.edits)

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the pairs and raw pieces of one shard, with their signatures for the check of the hold-out."""
        maker = PairMaker(self.section, stored(self.protected, self.section.decontamination))
        if index < len(self.shards):
            for file in read_jsonl(Path(self.shards[index]) / SOURCE_FILES, SourceFile):
                maker.add_file(file)
        else:
            for edit in read_jsonl(Path(self.edits), Edit):
                maker.add_edit(edit)
        write_jsonl(folder / RAW, maker.raw)
        count = write_jsonl(folder / PAIRS, maker.pairs)
        (folder / MARKS).write_bytes(msgspec.json.encode(maker.marks))
        signed = ((FILE_MARKS, maker.files), (FUNCTION_MARKS, maker.functions), (PIECE_MARKS, maker.pieces))
        for name, rows in signed:
            width = self.section.near_duplicates.permutations
            np.save(folder / name, np.array(rows, dtype=np.uint32).reshape(-1, width))
        return Summary(records=count, funnel=maker.funnel.steps(), counts={"contaminated": maker.contaminated})


class Marks(msgspec.Struct):
    """What each row of a shard's signatures belongs to."""

    files: list[tuple[str, str]] = []
    """Key and part of each file."""
    functions: list[tuple[str, str]] = []
    """Key of the file and part of each function that made a record."""
    pairs: list[int] = []
    """The number of the function of each pair."""
    pieces: list[tuple[str, str, float]] = []
    """Key, part and weight of the file of each raw piece."""


class PairMaker:
    """Makes records file by file, and counts by reason what makes none."""

    def __init__(self, section: PairsSection, overlap: Overlap) -> None:
        self._section, self._overlap = section, overlap
        self.funnel = Funnel(STAGES)
        self.pairs: list[Pair] = []
        self.raw: list[Pair] = []
        self.marks = Marks()
        self.files: list[Signature] = []
        self.functions: list[Signature] = []
        self.pieces: list[Signature] = []
        self.contaminated: dict[str, float] = {}

    def add_file(self, file: SourceFile) -> None:
        """Add the records of one file."""
        parsed = parse(file.text)
        if parsed is None:
            self.funnel.drop("parse", "syntax_error", file.origin.label)
            return
        self.funnel.keep("parse")
        key, part = file.origin.label, part_of(file.origin, self._section)
        self.marks.files.append((key, part))
        self.files.append(self._sign(file.text))
        for subject in self._subjects(file.origin, parsed):
            if self._add_pairs(subject, file):
                self.marks.functions.append((key, part))
                self.functions.append(self._sign(subject.code))
        self._add_pieces(parsed, file, key, part)

    def add_edit(self, edit: Edit) -> None:
        """Add the record of a verified change. Its file's own signature is the curated file's."""
        key = f"{edit.origin.label}:{edit.span[0]}"
        if fraction(edit.task, key) >= self._section.tasks.get(edit.task, 0.0):
            return
        draft = EDIT_TASKS[edit.task].draft(edit)
        if len(draft.instruction) + len(draft.answer) > self._section.max_pair_characters:
            self.funnel.drop("function", "long_pair", key)
            return
        self.funnel.keep("function")
        pair = _pair(edit.task, key, draft, edit.origin)
        if self._add_pair(replace(pair, context=edit.context, span=edit.span, weight=edit.weight), key):
            self.marks.pairs.append(len(self.functions))
            self.marks.functions.append((edit.origin.label, part_of(edit.origin, self._section)))
            self.functions.append(self._sign(edit.after))

    def _subjects(self, origin: Origin, parsed: File) -> Iterator[DocumentedFunction]:
        tests = [(function, function.body) for function in parsed.functions if is_test(function)]
        for function in parsed.functions:
            reason = self._unsuited(function)
            if reason is not None:
                self.funnel.drop("function", reason, f"{origin.label}: {function.name}")
                continue
            self.funnel.keep("function")
            name = f"{function.name}("
            callers = tuple(test for test, body in tests if name in body)
            others = tuple(other for other in parsed.functions if other is not function and not other.in_test)
            yield documented(function, f"{origin.label}:{function.start}", callers, others)

    def _unsuited(self, function: Function) -> str | None:
        """Why a function makes no records, or None."""
        if function.in_test:
            return "test"
        if function.name == "main":
            return "main"
        if is_unfinished(function):
            return "unfinished"
        least = self._section.min_doc_characters
        if function.fn_start - function.start < least or len(doc_text(function.leading)) < least:
            return "undocumented"
        return "short_body" if body_lines(function) < self._section.min_body_lines else None

    def _add_pairs(self, subject: DocumentedFunction, file: SourceFile) -> bool:
        """Add the records of a function, and return whether there are any."""
        before = len(self.pairs)
        for task, weight in self._section.tasks.items():
            if fraction(task, subject.key) >= weight:
                continue
            draft = TASKS[task].make(subject)
            if draft and len(draft.instruction) + len(draft.answer) <= self._section.max_pair_characters:
                self._add_pair(_pair_of_function(task, subject, draft, file), subject.key)
        self.marks.pairs += [len(self.functions)] * (len(self.pairs) - before)
        return len(self.pairs) > before

    def _add_pair(self, pair: Pair, key: str) -> bool:
        """Add one record, unless it overlaps a problem of a bank, and return whether it was added."""
        banks = self._overlap.banks(f"{pair.instruction}\n{pair.answer}") or self._overlap.banks(pair.answer)
        if banks:
            self._drop_contaminated(banks, f"{pair.task} {key}")
            return False
        self.funnel.keep("contamination")
        self.pairs.append(pair)
        return True

    def _drop_contaminated(self, banks: list[str], sample: str) -> None:
        self.funnel.drop("contamination", banks[0], sample)
        for bank in banks:
            self.contaminated[bank] = self.contaminated.get(bank, 0) + 1

    def _add_pieces(self, parsed: File, file: SourceFile, file_key: str, part: str) -> None:
        """Add raw pieces; those of held-out files are used for the check alone."""
        for piece in parsed.pieces:
            if piece.length > 4 * self._section.raw_max_characters:
                continue
            if not self._section.raw_min_characters <= len(piece.text) <= self._section.raw_max_characters:
                continue
            key = f"{file_key}:{piece.start}"
            banks = self._overlap.banks(piece.text)
            if banks:
                self._drop_contaminated(banks, f"raw {key}")
                continue
            self.marks.pieces.append((file_key, part, file.weight))
            self.pieces.append(self._sign(piece.text))
            self.raw.append(_pair("raw", key, Draft("", piece.text), file.origin))

    def _sign(self, text: str) -> Signature:
        near = self._section.near_duplicates
        return signature(token_hashes(text), near.shingle_tokens, near.permutations)


def _pair_of_function(task: str, subject: DocumentedFunction, draft: Draft, file: SourceFile) -> Pair:
    own, answer = subject.function, draft.test or subject.function
    return replace(
        _pair(task, subject.key, draft, file.origin),
        context=own.context,
        span=(answer.fn_start, answer.end),
        tested=(own.fn_start, own.end) if draft.test else (0, 0),
        weight=file.weight,
    )


def _pair(task: str, key: str, draft: Draft, origin: Origin) -> Pair:
    """The record of a draft, as yet without its place in the file."""
    return Pair(
        id=pair_id(task, key, draft.instruction, draft.answer),
        task=task,
        instruction=draft.instruction,
        answer=draft.answer,
        origin=origin,
        given=draft.given,
    )


def pair_id(task: str, key: str, instruction: str, answer: str) -> str:
    """The id of a record: the first `ID_DIGITS` of a SHA-256 over its task, position and text."""
    return hashlib.sha256("\0".join((task, key, instruction, answer)).encode()).hexdigest()[:ID_DIGITS]
