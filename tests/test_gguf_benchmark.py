"""The comparison of GGUF formats: the files that it writes, and what its table says of answers."""

from pathlib import Path

import gguf as package
import pytest

from benchmarks import gguf
from rustml.models import gguf_release
from rustml.serving.smoke import Answer
from tests.support.toy_models import checkpoint

pytestmark = pytest.mark.filterwarnings("ignore")


def row(name: str, *answers: tuple[str, str]) -> gguf.Row:
    return gguf.Row(name, 1.0, "BF16 100%", [Answer(problem="p", completion=text, status=s) for text, s in answers])


def test_a_copy_with_another_splitting_keeps_vocabulary_and_merges(tmp_path: Path) -> None:
    source = checkpoint(tmp_path / "tiny")
    before = (source / "tokenizer.json").read_bytes()
    gguf.copy_with_known_splitting(source, tmp_path / "copy")
    gguf_release.write(tmp_path / "copy", ["BF16", "Q8_0"], "m", tmp_path)
    fields = package.GGUFReader(tmp_path / "copy" / "gguf" / "m-BF16.gguf").fields
    assert fields["tokenizer.ggml.pre"].contents() == "qwen2"
    assert len(fields["tokenizer.ggml.tokens"].contents()) == 320
    assert (source / "tokenizer.json").read_bytes() == before
    assert gguf.types_of(tmp_path / "copy" / "gguf" / "m-BF16.gguf") == "BF16 100%"
    assert gguf.types_of(tmp_path / "copy" / "gguf" / "m-Q8_0.gguf").startswith("Q8_0 ")


def test_answers_are_compared_with_those_of_the_first_format_and_faults_count_as_neither() -> None:
    first = row("BF16", ("a", "passed"), ("b", "compile_error"), ("c", "passed"))
    other = row("Q8_0", ("a", "passed"), ("x", "passed"), ("y", "infrastructure"))
    assert gguf.line(first, first).endswith("| 2 of 3 (66.7%) | 3 of 3 |")
    assert gguf.line(other, first).endswith("| 2 of 2 (100.0%) | 1 of 3 |")
