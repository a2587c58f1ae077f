"""`load_bank`: every bank under one name, from a local file or from the hub."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rustml.banks.bank import Bank, make_bank
from rustml.banks.sources.python import humaneval, mbpp
from rustml.banks.sources.rows import Hub, Raw, hub_rows, read_rows, typed
from rustml.banks.sources.rust import humaneval_x, humanevalpack, multipl_e
from rustml.errors import InputError
from rustml.records import Problem


class Source(NamedTuple):
    """How a known bank is read."""

    read: Callable[[Iterable[Raw]], Bank]
    hub: Hub | None
    """None where no hub holds it as data."""
    home: str = ""
    """Where to get it, then."""


SOURCES: dict[str, Source] = {
    "humaneval": Source(humaneval, Hub("openai/openai_humaneval", None, ("test",))),
    "mbpp": Source(mbpp, Hub("google-research-datasets/mbpp", "full", ("prompt", "test", "validation", "train"))),
    "humaneval-x-rust": Source(
        humaneval_x, None, "codegeex/benchmark/humaneval-x/rust/data in https://github.com/zai-org/CodeGeeX"
    ),
    "humanevalpack-rust": Source(
        humanevalpack, Hub("bigcode/humanevalpack", None, ("test",), "data/rust/data/humanevalpack.jsonl")
    ),
    "multipl-e-humaneval-rs": Source(
        partial(multipl_e, config="humaneval-rs"), Hub("nuprl/MultiPL-E", "humaneval-rs", ("test",))
    ),
    "multipl-e-mbpp-rs": Source(partial(multipl_e, config="mbpp-rs"), Hub("nuprl/MultiPL-E", "mbpp-rs", ("test",))),
}


def load_bank(name: str, path: Path | None = None) -> Bank:
    """Load a known bank, from `path` or else from the hub; or, under any other name, a file in the Problem format.

    Local files are JSON Lines, `.jsonl` or `.jsonl.gz`, with the columns of the public data set. Raises InputError
    that names file, line and key where one is of another form, and EnvironmentFault where the hub is not reached.
    """
    source = SOURCES.get(name)
    if source is None:
        return _problem_file(name, path)
    if path is not None:
        return source.read(read_rows(path))
    if source.hub is None:
        raise InputError(f"bank {name} is on no hub: download it from {source.home} and give its path")
    return source.read(hub_rows(source.hub))


def _problem_file(name: str, path: Path | None) -> Bank:
    if path is None:
        known = ", ".join(SOURCES)
        raise InputError(f"no bank {name!r}; known: {known}; or give the path of a JSON Lines file of problems")
    return make_bank(name, [typed(raw, Problem) for raw in read_rows(path)])
