"""Anchor pools: records that keep what the model could do before, each through the licence gate.

The pools of the reference recipe are on the Hugging Face hub: `ise-uiuc/Magicoder-OSS-Instruct-75K` (code),
`allenai/tulu-3-sft-mixture` (general), `ammarnasr/the-stack-rust-clean` (raw Rust). They are streamed; local JSONL or
parquet files of the same columns do as well.
"""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rustml.errors import InputError
from rustml.licence import Gate
from rustml.profile.pairs import AnchorPool, PairsSection
from rustml.records import Origin, Pair, read_jsonl
from rustml.sharding.hub_datasets import hub_rows, local_rows


class Anchors:
    """The pools of a profile, checked before anything long starts."""

    def __init__(self, section: PairsSection, given: Mapping[str, Path]) -> None:
        """Raise InputError for a pool that the gate refuses, that is missing, or that nobody declared."""
        self._section = section
        self._given = given
        self._gate = Gate(section.licences)
        unknown = sorted(set(given) - set(section.anchors))
        if unknown:
            raise InputError(f"pairs.anchors: the profile declares no pool {', '.join(unknown)}")
        self.missing = {name: why for name, pool in section.anchors.items() if (why := self._missing(name, pool))}
        if self.missing and not section.allow_missing_anchors:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.missing.items())
            raise InputError(f"anchor pools are missing ({reasons}); or set pairs.allow_missing_anchors")
        for name, pool in section.anchors.items():
            self._admit(name, pool)

    @property
    def names(self) -> list[str]:
        """The pools that are there, sorted."""
        return sorted(set(self._section.anchors) - set(self.missing))

    def _missing(self, name: str, pool: AnchorPool) -> str | None:
        kind, _, place = pool.source.partition(":")
        if kind == "given":
            path = self._given.get(name)
            return None if path and path.is_file() else "it was not handed in"
        if kind == "file":
            return None if Path(place).is_file() else f"there is no file {place}"
        if kind in ("hub", "corpus"):
            return None
        raise InputError(f"pairs.anchors.{name}.source: {pool.source!r} is none of corpus, given, hub:NAME, file:PATH")

    def _admit(self, name: str, pool: AnchorPool) -> None:
        """The gate in front of a whole pool."""
        kind, _, place = pool.source.partition(":")
        for barred in self._section.evaluate_only:
            if barred.lower() in (name.lower(), *place.lower().split("/")):
                raise InputError(f"pairs.anchors.{name}: {barred} may be evaluated on, but not trained on")
        if kind in ("hub", "file"):
            refusal = self._gate.refusal(pool.licence)
            if refusal:
                raise InputError(f"pairs.anchors.{name}.licence: {refusal.reason}: {refusal.detail}")

    def read(self, name: str, corpus: Path) -> Iterator[Pair]:
        """The records of a pool that pass its bounds; `corpus` is a file of raw pieces."""
        pool = self._section.anchors[name]
        kind, _, place = pool.source.partition(":")
        if kind == "corpus":
            records = read_jsonl(corpus, Pair)
        elif kind == "given":
            records = (pair for pair in read_jsonl(self._given[name], Pair) if self._trainable(pair))
        elif kind == "file":
            records = _pairs(name, place, pool, local_rows(Path(place)))
        else:
            records = _pairs(name, place, pool, hub_rows(place, pool.split))
        short = (pair for pair in records if len(pair.instruction) + len(pair.answer) <= pool.max_characters)
        return islice(short, pool.take or None)

    def _trainable(self, pair: Pair) -> bool:
        barred = {name.lower() for name in self._section.evaluate_only}
        return pair.origin.name.lower() not in barred and self._gate.refusal(pair.origin.licence) is None


def _pairs(name: str, place: str, pool: AnchorPool, rows: Iterator[dict[str, Any]]) -> Iterator[Pair]:
    for number, row in enumerate(rows):
        instruction, answer = _turns(row, pool, name)
        if not answer.strip():
            continue
        digest = hashlib.sha256(f"{instruction}\0{answer}".encode()).hexdigest()
        origin = Origin(
            kind="dataset",
            name=place,
            licence=pool.licence,
            path=f"{pool.split}/{number}",
            url=f"https://huggingface.co/datasets/{place}" if pool.source.startswith("hub:") else "",
            sha256=digest,
        )
        task = f"anchor_{name}" if instruction else "raw"
        yield Pair(
            id=digest[:16], task=task, instruction=instruction, answer=answer, origin=origin, language=pool.language
        )


def _turns(row: dict[str, Any], pool: AnchorPool, name: str) -> tuple[str, str]:
    """Question and answer of a row; of a chat, its first two turns."""
    try:
        if pool.messages_column:
            said = [turn for turn in row[pool.messages_column] if turn["role"] in ("user", "assistant")]
            if len(said) < 2 or (said[0]["role"], said[1]["role"]) != ("user", "assistant"):
                return "", ""
            return str(said[0]["content"]), str(said[1]["content"])
        question = str(row[pool.instruction_column]) if pool.instruction_column else ""
        return question, str(row[pool.answer_column])
    except (KeyError, TypeError) as error:
        raise InputError(f"pairs.anchors.{name}: a row has no column {error}; it has {', '.join(row)}") from error
