"""`load_bank`: any bank by name, from a local file or from the hub."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rustml.banks.bank import Bank, make_bank
from rustml.banks.sources.cruxeval import input_prediction, output_prediction
from rustml.banks.sources.polyglot import exercise_rows, polyglot
from rustml.banks.sources.python import humaneval, humanevalplus, mbpp, mbppplus
from rustml.banks.sources.rust import humaneval_x, humanevalexplain, humanevalfix, humanevalpack, multipl_e
from rustml.banks.sources.rustevo import FILES as RUSTEVO_FILES
from rustml.banks.sources.rustevo import rustevo2, rustevo_rows
from rustml.errors import InputError
from rustml.hub_datasets import HubDataset, LocatedRow, hub_folder, hub_rows, local_rows, typed
from rustml.records import Problem

HUB = "hub"


class PublicBank(NamedTuple):
    """The reader of a public bank, with its address."""

    read: Callable[[Iterable[LocatedRow]], Bank]
    hub: HubDataset | None
    """None when no hub holds it as data."""
    splits: tuple[str, ...] = ("test",)
    home: str = ""
    """Address for a user's own download of a bank that no hub holds."""
    rows: Callable[[Path], Iterable[LocatedRow]] = local_rows
    """Reads the rows of a user's own path: of a file, or of a folder where a bank is several files."""
    files: tuple[str, ...] = ()
    """Names, in the hub's repository, of the files that make such a folder."""


HUMANEVALPACK = HubDataset("bigcode/humanevalpack", data_file="data/rust/data/humanevalpack.jsonl")
SOURCES: dict[str, PublicBank] = {
    "humaneval": PublicBank(humaneval, HubDataset("openai/openai_humaneval")),
    "mbpp": PublicBank(
        mbpp, HubDataset("google-research-datasets/mbpp", "full"), ("prompt", "test", "validation", "train")
    ),
    "humaneval-x-rust": PublicBank(
        humaneval_x, None, home="codegeex/benchmark/humaneval-x/rust/data in https://github.com/zai-org/CodeGeeX"
    ),
    "humanevalpack-rust": PublicBank(humanevalpack, HUMANEVALPACK),
    "humanevalpack-rust-fix": PublicBank(humanevalfix, HUMANEVALPACK),
    "humanevalpack-rust-explain": PublicBank(humanevalexplain, HUMANEVALPACK),
    "humanevalplus": PublicBank(humanevalplus, HubDataset("evalplus/humanevalplus")),
    "mbppplus": PublicBank(mbppplus, HubDataset("evalplus/mbppplus")),
    "cruxeval-x-rust-output": PublicBank(output_prediction, HubDataset("xhwl/cruxeval-x"), ("Rust",)),
    "cruxeval-x-rust-input": PublicBank(input_prediction, HubDataset("xhwl/cruxeval-x"), ("Rust",)),
    "multipl-e-humaneval-rs": PublicBank(
        partial(multipl_e, config="humaneval-rs"), HubDataset("nuprl/MultiPL-E", "humaneval-rs")
    ),
    "multipl-e-mbpp-rs": PublicBank(partial(multipl_e, config="mbpp-rs"), HubDataset("nuprl/MultiPL-E", "mbpp-rs")),
    "polyglot-rust": PublicBank(
        polyglot,
        None,
        home="rust/exercises/practice in https://github.com/Aider-AI/polyglot-benchmark",
        rows=exercise_rows,
    ),
    "rustevo2": PublicBank(rustevo2, HubDataset("SYSUSELab/RustEvo2"), rows=rustevo_rows, files=RUSTEVO_FILES),
}


def is_on_hub(source: str) -> bool:
    """Whether a value of `bank.benchmarks` is `hub` or `hub@REVISION`, and not the path of a local file."""
    return source.partition("@")[0] == HUB


def load_source(name: str, source: str) -> Bank:
    """Load a bank as `bank.benchmarks` of a profile names it: `hub`, `hub@REVISION`, or the path of a local file."""
    if not is_on_hub(source):
        return load_bank(name, Path(source))
    _, at, revision = source.partition("@")
    if at and not revision:
        raise InputError(f"bank.benchmarks.{name}: {source!r}: name a commit, branch or tag after the '@'")
    return load_bank(name, revision=revision or None)


def load_bank(name: str, path: Path | None = None, *, revision: str | None = None) -> Bank:
    """Load a public bank from `path`, or else from the hub at `revision`; under any other name, a file of problems.

    Local files are JSON Lines (`.jsonl`), a JSON array (`.json`), both also as `.gz`, or parquet, with the columns of
    the public data set, or, for a bank of one's own, with the fields of `rustml.records.Problem`. Raises InputError
    that names file, line and key of a row of another form, and EnvironmentFault when the hub cannot be read.
    """
    public = SOURCES.get(name)
    if public is None:
        if path is None:
            known = ", ".join(SOURCES)
            raise InputError(f"no bank {name!r}; known: {known}; or give the path of a JSON Lines file of problems")
        return problem_file(name, path)
    if path is not None:
        return public.read(public.rows(path))
    if public.hub is None:
        raise InputError(f"bank {name} is not on a hub: download it from {public.home} and give its path")
    dataset = public.hub._replace(revision=revision)
    if public.files:
        return public.read(public.rows(hub_folder(dataset, public.files)))
    return public.read(_all_splits(dataset, public.splits))


def _all_splits(dataset: HubDataset, splits: Iterable[str]) -> Iterator[LocatedRow]:
    """The rows of all splits, downloaded, so that a second load works offline."""
    for split in splits:
        yield from hub_rows(dataset, split, streaming=False)


def problem_file(name: str, path: Path) -> Bank:
    """The bank of a user's own file of problems. Raises InputError as `load_bank` does."""
    return make_bank(name, [typed(row, Problem) for row in local_rows(path)])
