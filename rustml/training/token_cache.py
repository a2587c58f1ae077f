"""Tokenised records, kept by all that decides them: a training that is started again does not tokenise again."""

import hashlib
import importlib.metadata
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rustml import chat
from rustml.io import write_cache_entry
from rustml.training import data
from rustml.training.batching import IGNORED, Row
from rustml.training.data import Text


class TokenCache:
    """`data.encode` with a memory in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def encode(
        self, tokenizer: Any, texts: Iterable[Text], context: int, limit: int | None = None
    ) -> tuple[list[Row], int]:
        """As `data.encode`."""
        records = list(texts)
        path = self._folder / f"{_key(tokenizer, records, context, limit)}.npz"
        if path.is_file():
            return _read(path)
        rows, too_long = data.encode(tokenizer, records, context, limit)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_cache_entry(path, _bytes(rows, too_long))
        return rows, too_long


def _key(tokenizer: Any, records: Sequence[Text], context: int, limit: int | None) -> str:
    """SHA-256, in hex, of tokenizer, template, the code that renders, limits and texts."""
    said = [tokenizer.backend_tokenizer.to_str(), str(tokenizer.chat_template), str(tokenizer.special_tokens_map)]
    said += [importlib.metadata.version("tokenizers"), Path(chat.__file__).read_text(encoding="utf-8")]
    digest = hashlib.sha256(msgspec.json.encode([said, context, limit]))
    for record in records:
        digest.update(msgspec.json.encode(record))
    return digest.hexdigest()


def _bytes(rows: Sequence[Row], too_long: int) -> bytes:
    """Rows as arrays: all ids, lengths of rows, and how many labels at the start of each carry no loss."""
    ids = np.fromiter((token for row, _ in rows for token in row), dtype=np.uint32)
    lengths = np.array([len(row) for row, _ in rows], dtype=np.uint32)
    unlabelled = np.array([sum(label == IGNORED for label in labels) for _, labels in rows], dtype=np.uint32)
    file = io.BytesIO()
    np.savez(file, ids=ids, lengths=lengths, unlabelled=unlabelled, too_long=np.array(too_long))
    return file.getvalue()


def _read(path: Path) -> tuple[list[Row], int]:
    with np.load(path) as arrays:
        ids, lengths, unlabelled = (arrays[name].tolist() for name in ("ids", "lengths", "unlabelled"))
        too_long = int(arrays["too_long"])
    rows: list[Row] = []
    start = 0
    for length, first in zip(lengths, unlabelled, strict=True):
        row = ids[start : start + length]
        rows.append((row, [IGNORED] * first + row[first:]))
        start += length
    return rows, too_long
