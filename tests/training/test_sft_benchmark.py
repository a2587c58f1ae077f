"""The table of `benchmarks.sft`: the same records in every layout, steps of about as many tokens."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import sft as benchmark
from benchmarks import sft_rows
from rustml.models.compute import Compute
from rustml.profile.method import FullSection
from rustml.records import Origin, Pair, write_jsonl

pytestmark = pytest.mark.filterwarnings("ignore")


def test_steps_hold_about_as_many_real_tokens_in_every_layout() -> None:
    rows = sft_rows.draw_rows(500, 1024)
    assert rows == sft_rows.draw_rows(500, 1024)
    assert max(len(ids) for ids, _ in rows) <= 1024
    assert all(labels[-1] == ids[-1] and labels[0] == -100 for ids, labels in rows)
    mean = sum(len(ids) for ids, _ in rows) / len(rows)
    bench = benchmark.Bench(None, None, Compute("cpu", "float32", "sdpa"), rows, 1024, 32, 5, False, 1.0)  # type: ignore[arg-type]
    packed, padded = (benchmark.section_of(bench, "lora", layout) for layout in ("packed", "padded"))
    assert packed.batch_size * 1024 == pytest.approx(padded.batch_size * mean, rel=0.2)
    assert (packed.records_per_pass(1), padded.records_per_pass(1)) == (1, 32)
    switched = benchmark.section_of(bench, "full-fp8-compiled", "packed")
    assert (switched.method, switched.compile) == (FullSection(fp8=True), True)
    assert not packed.compile


def test_lengths_may_be_those_of_a_file_of_pairs(tmp_path: Path) -> None:
    origin = Origin(kind="crate", name="c", licence="MIT")
    texts = [("x" * 30, "y" * 60), ("", "y" * 9), ("x" * 900, "y")]
    pairs = [
        Pair(id=str(number), task="completion", instruction=instruction, answer=answer, origin=origin)
        for number, (instruction, answer) in enumerate(texts)
    ]
    write_jsonl(tmp_path / "train.jsonl", pairs)
    rows = sft_rows.draw_rows(500, 64, tmp_path / "train.jsonl")
    assert sorted((len(ids), labels.count(-100)) for ids, labels in rows) == [(3, 0), (30, 10)], "the third is too long"


def test_an_epoch_packed_is_nearly_full_and_sorting_leaves_less_padding_than_not() -> None:
    shares = sft_rows.shares(sft_rows.draw_rows(500, 1024), 1024, 16)
    assert shares["packed"] > 0.97
    assert shares["packed"] > shares["padded"] > shares["as drawn"]


@pytest.mark.slow
def test_one_table_has_every_layout_and_memory_near_its_arithmetic() -> None:
    words = ["--context", "64", "--records", "8", "--steps", "4", "--methods", "full"]
    result = CliRunner().invoke(benchmark.main, words)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    rows = {cells[1]: cells for cells in lines if cells[:1] == ["full"]}
    assert rows.keys() == {"packed", "padded", "as"}
    assert float(rows["packed"][2].rstrip("%")) >= 97
    assert 0.8 < float(rows["packed"][-1].strip("()")) < 1.25
