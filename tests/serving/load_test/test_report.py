"""The page, the document and the figure of a load test say what was measured."""

from pathlib import Path

import msgspec
from matplotlib import image

from rustml.serving.load_test import plots, report
from rustml.serving.load_test.measured import Failure, Level, Percentiles
from rustml.serving.load_test.report import LoadTest

LATENCY = Percentiles(p50=10.0, p95=20.0, p99=30.0)


def level(version: str, concurrency: int, rate: float, **changes: object) -> Level:
    made = Level(
        version=version,
        label=f"{'fp8' if version == '4' else 'grpo'} v{version}",
        concurrency=concurrency,
        requests=10,
        completed=10,
        failures=(),
        seconds=5.0,
        ttft=LATENCY,
        tpot=LATENCY,
        end_to_end=LATENCY,
        request_tokens_per_second=rate / concurrency,
        tokens_per_second=rate,
        goodput=1.5,
        judged=10,
        passed=6,
        faults=0,
    )
    return msgspec.structs.replace(made, **changes)


def load_test(*levels: Level) -> LoadTest:
    return LoadTest(machine={"vllm": "1.0", "device": "cpu", "rust": "rustc 2\nhost: x"}, levels=levels)


FULL = load_test(level("3", 1, 50.0), level("3", 8, 200.0), level("4", 1, 75.0), level("4", 8, 240.0))


def cells(page: str, *begins: str) -> list[str]:
    """The cells of the only row that begins with these."""
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in page.splitlines() if line[:1] == "|"]
    (row,) = [row for row in rows if row[: len(begins)] == list(begins)]
    return row


def test_every_level_is_a_row() -> None:
    page = report.page(FULL)
    assert cells(page, "fp8 v4", "8")[2:] == [
        *["10 / 20 / 30"] * 3,
        *("30.0", "240.0", "1.50", "0 of 10", "6 of 10 (60.0%)"),
    ]
    assert "Measured with device cpu, rust rustc 2, vllm 1.0." in page
    assert "Failed requests" not in page


def test_speeds_stand_beside_the_published_ones_with_their_hardware() -> None:
    page = report.page(FULL)
    assert FULL.ratios("4") == {1: 1.5, 8: 1.2}
    assert cells(page, "1", "1.50") == ["1", "1.50", "1.49 (223 over 150)"]
    assert cells(page, "8", "1.20") == ["8", "1.20", "1.53 (1581 over 1032)"]
    assert cells(page, "32", "-") == ["32", "-", "1.37 (3766 over 2754)"]
    assert "Qwen3-8B on NVIDIA H100" in page


def test_failed_requests_stand_on_the_page_by_reason() -> None:
    gone = tuple(Failure(request=n, problem=f"toy/{n}", reason="Gateway Timeout") for n in (4, 7))
    page = report.page(load_test(level("3", 8, 200.0, failures=gone, completed=8, judged=7, passed=0, faults=1)))
    assert cells(page, "grpo v3", "8")[-2:] == ["2 of 10", "0 of 7 (0.0%), 1 not judged"]
    assert "- grpo v3, 8 at a time, 2 failed: Gateway Timeout (first: toy/4)" in page


def test_a_level_where_nothing_ended_has_no_numbers_and_no_ratio() -> None:
    nothing = {"ttft": None, "tpot": None, "end_to_end": None, "request_tokens_per_second": None}
    test = load_test(level("3", 1, 50.0), level("4", 1, 0.0, completed=0, judged=0, passed=0, **nothing))
    assert cells(report.page(test), "fp8 v4", "1")[2:6] == ["-"] * 4
    assert test.ratios("4") == {}
    assert "bench_serving.v4_over_v3.c1" not in test.metrics


def test_metrics_name_version_and_level() -> None:
    assert FULL.metrics["bench_serving.v4.c8.tokens_per_second"] == 240.0
    assert FULL.metrics["bench_serving.v4_over_v3.c8"] == 1.2
    assert FULL.metrics["bench_serving.v3.c1.ttft_p95_ms"] == 20.0


def test_document_and_figure_are_written(tmp_path: Path) -> None:
    report.write(FULL, tmp_path)
    assert msgspec.json.decode((tmp_path / report.DOCUMENT).read_bytes(), type=LoadTest) == FULL
    assert (tmp_path / report.PAGE).read_text() == report.page(FULL)
    drawn = image.imread(plots.draw(FULL, tmp_path / "figure.png"))
    assert drawn.std() > 0
