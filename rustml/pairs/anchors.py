"""Anchor pools: records that keep what the model could do before, each through the licence gate.

The pools of the reference recipe are on the Hugging Face hub: `ise-uiuc/Magicoder-OSS-Instruct-75K` (code),
`allenai/tulu-3-sft-mixture` (general), `ammarnasr/the-stack-rust-clean` (raw Rust). They are streamed; local JSONL or
parquet files of the same columns do as well, and so do trainable problems of the `bank` stage (`bank:python-train`).
"""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rustml import chat
from rustml.errors import InputError
from rustml.hub_datasets import HubDataset, LocatedRow, hub_dataset, hub_rows, local_rows
from rustml.licence import Gate
from rustml.origin import hub_url
from rustml.profile.pairs import AnchorPool, PairsSection
from rustml.records import Origin, Pair, Problem, read_jsonl


class Anchors:
    """The pools of a profile, checked before anything long starts."""

    def __init__(self, section: PairsSection, bank: Path | None) -> None:
        """`bank` is the output of the `bank` stage. Raises InputError for a pool that is missing or refused."""
        self._section = section
        self._bank = bank
        self._gate = Gate(section.licences)
        self.missing = {name: why for name, pool in section.anchors.items() if (why := self._missing(name, pool))}
        if self.missing and not section.allow_missing_anchors:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.missing.items())
            raise InputError(f"anchor pools are missing ({reasons}); or set pairs.allow_missing_anchors")
        for name, pool in section.anchors.items():
            self._admit(name, pool)

    @property
    def names(self) -> list[str]:
        """The available pools, sorted."""
        return sorted(set(self._section.anchors) - set(self.missing))

    def _missing(self, name: str, pool: AnchorPool) -> str | None:
        """Why a pool cannot be read, or None."""
        kind, _, location = pool.source.partition(":")
        if kind == "bank":
            return None if self._problems(location).is_file() else f"the bank has no file {location}.jsonl"
        if kind == "file":
            return None if Path(location).is_file() else f"there is no file {location}"
        if kind in ("hub", "corpus"):
            return None
        known = "corpus, bank:FILE, hub:NAME, file:PATH"
        raise InputError(f"pairs.anchors.{name}.source: {pool.source!r} is not one of {known}")

    def _problems(self, stem: str) -> Path:
        return (self._bank or Path()) / f"{stem}.jsonl"

    def _admit(self, name: str, pool: AnchorPool) -> None:
        """The gate in front of a whole pool."""
        kind, _, location = pool.source.partition(":")
        if kind == "hub":
            location = hub_dataset(location).repository
        for barred in self._section.evaluate_only:
            if barred.lower() in (name.lower(), *location.lower().split("/")):
                raise InputError(f"pairs.anchors.{name}: {barred} may be evaluated on, but not trained on")
        if kind in ("hub", "file"):
            refusal = self._gate.refusal(pool.licence)
            if refusal:
                raise InputError(f"pairs.anchors.{name}.licence: {refusal.reason}: {refusal.detail}")

    def read(self, name: str, corpus: Path) -> Iterator[Pair]:
        """The records of a pool that pass its bounds; `corpus` is a file of raw pieces."""
        pool = self._section.anchors[name]
        kind, _, location = pool.source.partition(":")
        if kind == "corpus":
            records = read_jsonl(corpus, Pair)
        elif kind == "bank":
            problems = read_jsonl(self._problems(location), Problem)
            records = (_solved(name, location, problem) for problem in problems if self._trainable(problem))
        elif kind == "file":
            records = _pairs(name, HubDataset(location), pool, local_rows(Path(location)))
        else:
            dataset = hub_dataset(location)
            records = _pairs(name, dataset, pool, hub_rows(dataset, pool.split))
        short = (pair for pair in records if len(pair.instruction) + len(pair.answer) <= pool.max_characters)
        return islice(short, pool.take or None)

    def _trainable(self, problem: Problem) -> bool:
        barred = {name.lower() for name in self._section.evaluate_only}
        licensed = self._gate.refusal(problem.licence) is None
        return problem.trainable and licensed and problem.bank.lower() not in barred


def _solved(name: str, stem: str, problem: Problem) -> Pair:
    """A problem with its reference as the answer."""
    return Pair(
        id=hashlib.sha256(f"{name}\0{problem.id}".encode()).hexdigest()[:16],
        task=f"anchor_{name}",
        instruction=problem.instruction,
        answer=chat.answer(problem),
        origin=Origin(kind="bank", name=problem.bank, licence=problem.licence, path=f"{stem}/{problem.id}"),
        language=problem.language,
    )


def _pairs(name: str, dataset: HubDataset, pool: AnchorPool, rows: Iterator[LocatedRow]) -> Iterator[Pair]:
    for number, row in enumerate(rows):
        instruction, answer = _turns(row.value, pool, name)
        if not answer.strip():
            continue
        digest = hashlib.sha256(f"{instruction}\0{answer}".encode()).hexdigest()
        origin = Origin(
            kind="dataset",
            name=dataset.repository,
            licence=pool.licence,
            version=dataset.revision or "",
            path=f"{pool.split}/{number}",
            url=hub_url(dataset.repository) if pool.source.startswith("hub:") else "",
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
            turns = [turn for turn in row[pool.messages_column] if turn["role"] in ("user", "assistant")]
            if len(turns) < 2 or (turns[0]["role"], turns[1]["role"]) != ("user", "assistant"):
                return "", ""
            return str(turns[0]["content"]), str(turns[1]["content"])
        question = str(row[pool.instruction_column]) if pool.instruction_column else ""
        return question, str(row[pool.answer_column])
    except (KeyError, TypeError) as error:
        raise InputError(f"pairs.anchors.{name}: a row has no column {error}; it has {', '.join(row)}") from error
