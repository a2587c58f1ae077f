"""The sources of a profile, read from the outputs of the stages that they name."""

import math
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from rustml.errors import InputError
from rustml.profile.pairs import DOMAIN, PairsSection
from rustml.profile.sources import BankSource, PairsSource, Source
from rustml.records import Pair, Problem, read_jsonl
from rustml.tasks import TASKS
from rustml.training.data import Amount, Mixture, Text, solved, written

R = TypeVar("R")
GENERAL = "general_holdout"
"""The file of the `pairs` stage that holds anchors for validation."""


def check(sources: Mapping[str, Source], key: str, section: PairsSection) -> None:
    """Raise InputError for a task that is not a category, `raw`, or a pool of `section`; `key` names `sources`."""
    pools = [*(f"anchor_{pool}" for pool in section.anchors), *(f"{DOMAIN}{pool}" for pool in section.domain)]
    known = [*TASKS, "raw", *pools]
    for name, source in sources.items():
        unknown = sorted(set(source.tasks) - set(known)) if isinstance(source, PairsSource) else []
        if unknown:
            raise InputError(f"{key}.{name}.tasks: no task {', '.join(unknown)}; known: {', '.join(known)}")


def texts(sources: Mapping[str, Source], bank: Path, pairs: Path, seed: int) -> dict[str, list[Text]]:
    """The records of every source in a random order, from the outputs of the `bank` and the `pairs` stage.

    Raises InputError for a file that is missing, and for a source that has no record to give.
    """
    texts_by_source: dict[str, list[Text]] = {}
    for name, source in sources.items():
        if isinstance(source, BankSource):
            texts_by_source[name] = _problems(name, source, bank, seed)
        else:
            texts_by_source[name] = _pairs(name, source, pairs, seed)
        if not texts_by_source[name] and source.share != 0:
            raise InputError(f"source {name}: {source.file}.jsonl holds no record for it; change the source or drop it")
    return texts_by_source


def check_filled(mixed: Mixture, key: str, context: int) -> None:
    """Raise InputError for a source of which no record is short enough; `key` names the sources."""
    for name in mixed.emptied:
        raise InputError(
            f"{key}.{name}: none of its {mixed.too_long[name]} records fits sft.context ({context} tokens): raise it, "
            "or drop the source"
        )


def amounts(sources: Mapping[str, Source]) -> dict[str, Amount]:
    """How much of each source is mixed in."""
    return {name: Amount(source.records or None, source.share) for name, source in sources.items()}


def validation_texts(sources: Mapping[str, Source], bank: Path, pairs: Path, seed: int) -> dict[str, list[Text]]:
    """Held-out records of the sources that have any, in a random order."""
    texts_by_source: dict[str, list[Text]] = {}
    for name, source in sources.items():
        if isinstance(source, BankSource):
            path = bank / f"{source.file.removesuffix('-train')}-dev.jsonl"
            records = solved(shuffled(read_jsonl(path, Problem), seed, name)) if path.is_file() else []
        else:
            path = pairs / "validation.jsonl"
            wanted = (pair for pair in read_jsonl(path, Pair) if _weight(source, pair) > 0)
            records = written(shuffled(wanted, seed, name)) if source.file == "train" else []
        if records and source.share != 0:
            texts_by_source[name] = records
    return texts_by_source


def general_texts(pairs: Path, seed: int) -> list[Text]:
    """Held-out anchors in a random order."""
    return written(shuffled(read_jsonl(pairs / f"{GENERAL}.jsonl", Pair), seed, GENERAL))


def trainable_problems(bank: Path, file: str, at_least: int = 1) -> list[Problem]:
    """The problems of a file of the `bank` stage that may be trained on, in its order. Raises InputError for fewer."""
    path = bank / f"{file}.jsonl"
    problems = [problem for problem in read_jsonl(path, Problem) if problem.trainable]
    if len(problems) < at_least:
        raise InputError(f"{path} holds {len(problems)} trainable problems; the profile asks for {at_least}")
    return problems


def prompt_problems(bank: Path, pool: int, files: Mapping[str, int]) -> list[Problem]:
    """The problems that prompts are chosen from: `pool` of the families, then those of each further file, by number.

    Raises InputError for a file that is missing or too short or holds a problem which may not be trained on, and where
    no problem is asked for.
    """
    problems = trainable_problems(bank, "rust-train", pool)[-pool:] if pool else []
    for file, count in files.items():
        problems += _spread(_permitted(bank, file), count, file)
    if not problems:
        raise InputError("grpo: prompt_pool is 0 and prompt_files names no file; there is nothing to ask")
    return problems


def _permitted(bank: Path, file: str) -> list[Problem]:
    path = bank / f"{file}.jsonl"
    problems = list(read_jsonl(path, Problem))
    for problem in problems:
        if problem.trainable and problem.split == "train":
            continue
        reason = f"is in the split {problem.split}"
        if not problem.trainable:
            reason = f"may not be trained on ({problem.licence})"
        raise InputError(f"grpo.prompt_files.{file}: {path}: {problem.id} {reason}; name a file of training problems")
    return problems


def _spread(problems: list[Problem], count: int, file: str) -> list[Problem]:
    """`count` of the problems, evenly spread, since a mined file is in the order of its crates; 0 takes all."""
    if count > len(problems):
        raise InputError(f"grpo.prompt_files.{file}: {count} problems are asked for; the file holds {len(problems)}")
    return [problems[number * len(problems) // count] for number in range(count)] if count else problems


def _problems(name: str, source: BankSource, bank: Path, seed: int) -> list[Text]:
    problems = trainable_problems(bank, source.file)
    return solved(shuffled(problems[: len(problems) - source.leave_last], seed, name))


def shuffled(records: Iterable[R], seed: int, name: str) -> list[R]:
    """The records in an order that `seed` and the `name` of their source decide."""
    order = list(records)
    random.Random(f"{seed} {name}").shuffle(order)
    return order


def _pairs(name: str, source: PairsSource, pairs: Path, seed: int) -> list[Text]:
    """Pairs in a random order in which the weight of their file decides who is early, or how often each is drawn.

    Each draws an exponential variate over its weight, and the smallest come first (Efraimidis and Spirakis, "Weighted
    random sampling with a reservoir", 2006).
    """
    rng = random.Random(f"{seed} {name}")
    keyed: list[tuple[float, int, Pair]] = []
    path = pairs / f"{source.file}.jsonl"
    mean = _mean_weight(source, path)
    for pair in read_jsonl(path, Pair):
        drawn_by = pair.weight / mean if source.by_weight else 1.0
        for _ in range(_copies(_weight(source, pair) * drawn_by, rng)):
            keyed.append((-math.log1p(-rng.random()) / (1.0 if source.by_weight else pair.weight), len(keyed), pair))
    return written(pair for _, _, pair in sorted(keyed))


def _weight(source: PairsSource, pair: Pair) -> float:
    return source.tasks.get(pair.task, 0.0) if source.tasks else 1.0


def _mean_weight(source: PairsSource, path: Path) -> float:
    """The mean weight of the files of the records that the source may draw; 1 where it does not draw by weight."""
    if not source.by_weight:
        return 1.0
    weights = [pair.weight for pair in read_jsonl(path, Pair) if _weight(source, pair) > 0]
    return sum(weights) / len(weights) if weights else 1.0


def _copies(weight: float, rng: random.Random) -> int:
    """The whole part of the weight, and one more with the probability of the rest."""
    return int(weight) + (rng.random() < weight % 1)
