"""Pools of records from outside the curated files, each through the licence gate: anchors, and domain records.

Anchors keep what the model could do before. The pools of the reference recipe are on the Hugging Face hub:
`ise-uiuc/Magicoder-OSS-Instruct-75K` (code), `allenai/tulu-3-sft-mixture` (general). Domain pools are learnt from
beside the pairs: `Fortytwo-Network/Strandset-Rust-v1`, or a team's own questions or chats. Pools of the hub are
streamed; local JSONL or parquet files of the same columns do as well, and so do trainable problems of the `bank` stage
(`bank:python-train`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rustml import chat
from rustml.errors import InputError
from rustml.hub_datasets import HubDataset, LocatedRow, hub_dataset, hub_rows, local_rows
from rustml.licence import Gate
from rustml.origin import hub_url
from rustml.pairs.structured import answer_text, question_text
from rustml.profile.pairs import ANCHOR, DOMAIN, PairsSection, Pool
from rustml.records import Origin, Pair, Problem, read_jsonl


class Pools:
    """The pools of a profile, checked before anything long starts."""

    def __init__(
        self, section: PairsSection, pools: Mapping[str, Pool], key: str, prefix: str, bank: Path | None
    ) -> None:
        """`key` names `pools` in messages, `prefix` begins the task of their records, `bank` is the output of the
        `bank` stage. Raises InputError for a pool that is missing or refused."""
        self._section, self._pools, self._key, self._prefix = section, pools, key, prefix
        self._bank = bank
        self._gate = Gate(section.licences)
        self.missing = {name: why for name, pool in pools.items() if (why := self._missing(name, pool))}
        for name, pool in pools.items():
            self._admit(name, pool)

    @property
    def names(self) -> list[str]:
        """The available pools, sorted."""
        return sorted(set(self._pools) - set(self.missing))

    def _missing(self, name: str, pool: Pool) -> str | None:
        """Why a pool cannot be read, or None."""
        kind, _, location = pool.source.partition(":")
        if kind == "bank":
            return None if self._problems(location).is_file() else f"the bank has no file {location}.jsonl"
        if kind == "file":
            return None if Path(location).is_file() else f"there is no file {location}"
        if kind == "hub" or (kind == "corpus" and self._prefix == ANCHOR):
            return None
        known = "corpus, bank:FILE, hub:NAME, file:PATH" if self._prefix == ANCHOR else "bank:FILE, hub:NAME, file:PATH"
        raise InputError(f"{self._key}.{name}.source: {pool.source!r} is not one of {known}")

    def _problems(self, stem: str) -> Path:
        return (self._bank or Path()) / f"{stem}.jsonl"

    def _admit(self, name: str, pool: Pool) -> None:
        """The gate in front of a whole pool."""
        kind, _, location = pool.source.partition(":")
        if kind == "hub":
            location = hub_dataset(location).repository
        for barred in self._section.evaluate_only:
            if barred.lower() in (name.lower(), *location.lower().split("/")):
                raise InputError(f"{self._key}.{name}: {barred} may be evaluated on, but not trained on")
        if kind in ("hub", "file"):
            refusal = self._gate.refusal(pool.licence)
            if refusal:
                raise InputError(f"{self._key}.{name}.licence: {refusal.reason}: {refusal.detail}")
        if kind == "file" and name not in self.missing:
            for row in islice(local_rows(Path(location)), 1):
                _turns(row.value, pool, f"{self._key}.{name}")

    def read(self, name: str, corpus: Path) -> Iterator[Pair]:
        """The records of a pool that pass its bounds; `corpus` is a file of raw pieces."""
        pool, task = self._pools[name], f"{self._prefix}{name}"
        kind, _, location = pool.source.partition(":")
        if kind == "corpus":
            records = read_jsonl(corpus, Pair)
        elif kind == "bank":
            problems = read_jsonl(self._problems(location), Problem)
            records = (_solved(name, task, location, problem) for problem in problems if self._trainable(problem))
        elif kind == "file":
            records = _pairs(f"{self._key}.{name}", task, HubDataset(location), pool, local_rows(Path(location)))
        else:
            dataset = hub_dataset(location)
            records = _pairs(f"{self._key}.{name}", task, dataset, pool, hub_rows(dataset, pool.split))
        short = (pair for pair in records if len(pair.instruction) + len(pair.answer) <= pool.max_characters)
        return islice(short, pool.take or None)

    def _trainable(self, problem: Problem) -> bool:
        barred = {name.lower() for name in self._section.evaluate_only}
        licensed = self._gate.refusal(problem.licence) is None
        return problem.trainable and licensed and problem.bank.lower() not in barred


def _solved(name: str, task: str, stem: str, problem: Problem) -> Pair:
    """A problem with its reference as the answer."""
    return Pair(
        id=hashlib.sha256(f"{name}\0{problem.id}".encode()).hexdigest()[:16],
        task=task,
        instruction=problem.instruction,
        answer=chat.answer(problem),
        origin=Origin(kind="bank", name=problem.bank, licence=problem.licence, path=f"{stem}/{problem.id}"),
        language=problem.language,
    )


def anchors(section: PairsSection, bank: Path | None) -> Pools:
    """The anchor pools. Raises InputError for one that is refused, or missing where none may be."""
    pools = Pools(section, section.anchors, "pairs.anchors", ANCHOR, bank)
    if pools.missing and not section.allow_missing_anchors:
        raise InputError(f"anchor pools are missing ({_reasons(pools)}); or set pairs.allow_missing_anchors")
    return pools


def domain(section: PairsSection, bank: Path | None) -> Pools:
    """The domain pools. Raises InputError for one that is refused or missing."""
    pools = Pools(section, section.domain, "pairs.domain", DOMAIN, bank)
    if pools.missing:
        raise InputError(f"pairs.domain: pools are missing ({_reasons(pools)}); set their `source`")
    return pools


def _reasons(pools: Pools) -> str:
    return "; ".join(f"{name}: {why}" for name, why in pools.missing.items())


def _pairs(key: str, task: str, dataset: HubDataset, pool: Pool, rows: Iterator[LocatedRow]) -> Iterator[Pair]:
    for number, row in enumerate(rows):
        instruction, answer = _turns(row.value, pool, key)
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
        yield Pair(
            id=digest[:16],
            task=task if instruction else "raw",
            instruction=instruction,
            answer=answer,
            origin=origin,
            language=pool.language,
        )


def _turns(row: Mapping[str, Any], pool: Pool, key: str) -> tuple[str, str]:
    """Question and answer of a row; of a chat, its first two turns. Raises InputError for a column that is missing."""
    try:
        if pool.messages_column:
            turns = [turn for turn in row[pool.messages_column] if turn["role"] in ("user", "assistant")]
            if len(turns) < 2 or (turns[0]["role"], turns[1]["role"]) != ("user", "assistant"):
                return "", ""
            return str(turns[0]["content"]), str(turns[1]["content"])
        question = str(row[pool.instruction_column]) if pool.instruction_column else ""
        answer = str(row[pool.answer_column])
        if not pool.task_column:
            return question, answer
        return question_text(str(row[pool.task_column]), question), answer_text(answer)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{key}: a row has no column {error}; it has {', '.join(row)}: change {key}.*_column to one of these"
        ) from error
