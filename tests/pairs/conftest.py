"""The tiny profile's pairs section to vary, and a curated corpus made on the spot."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.profile import load
from rustml.profile.pairs import PairsSection
from rustml.records import Origin, SourceFile, write_jsonl
from rustml.sharding import Summary, run
from rustml.tasks import OF_FUNCTIONS
from tests.support.problems import COUNTING

TESTS = """\
#[cfg(test)]
mod tests {{
    use super::*;

    #[test]
    fn counts_{n}() {{
        assert_eq!(count_{n}(&[], 3), {n});
    }}
}}
"""


@pytest.fixture
def section() -> Callable[..., PairsSection]:
    """The tiny profile's section with changes; every task in full, no bound on length."""

    def make(**changes: object) -> PairsSection:
        tiny = load("tiny").pairs
        tasks = {name: 1.0 for name in OF_FUNCTIONS if name != "search"}  # which needs files of several functions
        whole: dict[str, object] = {"tasks": tasks, "max_pair_characters": 10_000}
        return msgspec.structs.replace(tiny, **(whole | changes))

    return make


@pytest.fixture
def curated(tmp_path: Path) -> Callable[..., Path]:
    """`curated(texts)`: a curated corpus of one file a text, four files a shard."""

    def make(texts: list[str], name: str = "curate") -> Path:
        files = [
            SourceFile(
                origin=Origin(kind="crate", name=f"c{number}", licence="MIT", version="1.0.0", path="src/lib.rs"),
                text=text,
            )
            for number, text in enumerate(texts)
        ]

        def job(index: int, folder: Path) -> Summary:
            chosen = files[index * 4 : (index + 1) * 4]
            return Summary(records=write_jsonl(folder / "files.jsonl", chosen), funnel=())

        run(job, -(-len(files) // 4), tmp_path / name / "files", workers=1)
        return tmp_path / name

    return make


@pytest.fixture
def texts() -> list[str]:
    """Sixty different files."""
    return [(COUNTING + TESTS).format(n=number) for number in range(60)]
