import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from rustml.release.gates import decide
from rustml.release.report import ModelRow, table, write

Make = Callable[..., Evaluation]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def stages(evaluation: Make, thresholds: Thresholds) -> list[ModelRow]:
    def made(name: str, rust: int, python: int) -> Evaluation:
        return evaluation(name, rust=[n < rust for n in range(200)], python=[n < python for n in range(500)])

    base, sft, worse = made("base", 20, 450), made("sft", 160, 449), made("grpo", 160, 300)
    return [
        ModelRow(name="base", evaluation=base, seconds=80.2),
        ModelRow(name="sft", evaluation=sft, seconds=40.0, decision=decide(sft, base, thresholds), version="1"),
        ModelRow(name="grpo", evaluation=worse, seconds=150.0, decision=decide(worse, sft, thresholds), version="2"),
    ]


def test_the_table_sets_stages_against_metrics_gate_and_seconds(stages: list[ModelRow]) -> None:
    header, rows = table(stages)
    assert header[0] == "stage"
    assert header[-2:] == ["gate", "seconds"]
    by_name = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["rust.pass_rate"] for row in by_name] == ["10.0", "80.0", "80.0"]
    assert [row["retention.python.pass_at_1"] for row in by_name] == ["90.0", "89.8", "60.0"]
    assert [row["gate"] for row in by_name] == ["-", "passed", "refused"]
    assert [row["seconds"] for row in by_name] == ["80", "40", "150"]


def test_an_override_is_shown_as_one(stages: list[ModelRow]) -> None:
    overridden = msgspec.structs.replace(stages[2], override="agreed <b>by</b> all")
    assert table([overridden])[1][0][-2] == "overridden"


def test_a_metric_that_a_stage_lacks_is_a_dash(stages: list[ModelRow]) -> None:
    suites = {"rust": stages[0].evaluation.suites["rust"]}
    partial = msgspec.structs.replace(stages[0].evaluation, suites=suites)
    header, rows = table([msgspec.structs.replace(stages[0], evaluation=partial), stages[1]])
    assert rows[0][header.index("retention.python.pass_at_1")] == "-"


def test_what_no_gate_reads_has_a_table_of_its_own(stages: list[ModelRow], tmp_path: Path) -> None:
    assert "for no gate" not in write(stages, [], tmp_path).read_text()
    seen = msgspec.structs.replace(stages[1], shown=stages[2].evaluation)
    text = write([stages[0], seen], [], tmp_path).read_text()
    assert text.index("<h2>Measured beside, for no gate</h2>") < text.index("<h2>Gates</h2>")
    row = text.split("for no gate")[1].split("</table>")[0]
    assert "<td>sft</td>" in row
    assert "<td>80.0</td>" in row
    assert "<td>base</td>" not in row
    document = json.loads((tmp_path / "lifecycle.json").read_text())
    assert [model["shown"].get("rust.pass_rate") for model in document] == [None, 0.8]


def test_the_champions_gate_is_shown_after_the_stages_own(
    stages: list[ModelRow], thresholds: Thresholds, tmp_path: Path
) -> None:
    base, sft, grpo = stages
    crowned = msgspec.structs.replace(grpo, later={"champion": decide(sft.evaluation, base.evaluation, thresholds)})
    text = write([base, sft, crowned], [], tmp_path).read_text()
    assert text.index("<h3>grpo: refused") < text.index("<h3>champion: passed")
    document = json.loads((tmp_path / "lifecycle.json").read_text())
    assert [list(stage["later"]) for stage in document] == [[], [], ["champion"]]


def test_page_and_document_hold_decisions_with_reasons_and_figures(stages: list[ModelRow], tmp_path: Path) -> None:
    page = write(stages, [], tmp_path / "report")
    text = page.read_text()
    assert "retention python: 89.8 -&gt; 60.0" in text
    document = json.loads((tmp_path / "report" / "lifecycle.json").read_text())
    assert [(stage["stage"], stage["gate"]) for stage in document] == [
        ("base", "-"),
        ("sft", "passed"),
        ("grpo", "refused"),
    ]
    assert document[2]["reasons"][0].startswith("retention (pooled): 89.8 -> 60.0")
    for name in ("stages.png", "pairs-base-sft.png", "pairs-sft-grpo.png"):
        assert f'src="{name}"' in text
        assert (tmp_path / "report" / name).read_bytes().startswith(PNG)


def test_text_of_people_and_models_cannot_break_the_page(stages: list[ModelRow], tmp_path: Path) -> None:
    hostile = msgspec.structs.replace(stages[2], override="<script>alert(1)</script>")
    text = write([*stages[:2], hostile], [], tmp_path).read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_a_lifecycle_that_ended_before_its_first_model_has_a_page(tmp_path: Path) -> None:
    text = write([], [], tmp_path).read_text()
    assert "<h2>Steps</h2>" in text
    assert "<img" not in text
    assert json.loads((tmp_path / "steps.json").read_text()) == []
