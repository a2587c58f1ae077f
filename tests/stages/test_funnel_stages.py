"""Stages that sift records leave metrics and tables under their names, and a drawing of their funnel."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rustml.cache_layout import CacheLayout
from rustml.edits.report import EditsReport
from rustml.mining.report import MineReport
from rustml.profile import load
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.sharding import FunnelReport, Step
from rustml.stages import edits, mine, teach
from rustml.teaching.teach import TeachReport

FUNNEL = (Step(stage="judge", kept=2, dropped={"wrong": 1}, samples={"wrong": ("a",)}),)
WORK: dict[str, tuple[Any, str, str, FunnelReport]] = {
    "edits": (edits, "rustml.stages.edits.collect", "curate", EditsReport.of([], FUNNEL)),
    "mine": (mine, "rustml.stages.mine.Miner.mine", "harvest", MineReport.of([], FUNNEL)),
    "teach": (teach, "rustml.stages.teach.teach", "bank", TeachReport(records={"one": 2}, funnel=FUNNEL)),
}
"""By stage: its module, the function that does the work, the role of its input, and what the work reports."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Outcome]:
    """Runs the body of a stage in `tmp_path`, without a store; its work is left out, and its report given."""
    cache = CacheLayout(tmp_path / "cache")

    def run_stage(stage: Stage, _: object, body: Callable[[Workspace], Outcome], **options: Any) -> Outcome:
        assert stage.name in WORK
        return body(stage.workspace(tmp_path, dict.fromkeys(options["inputs"], tmp_path), cache, lambda *_: None))

    def run(name: str) -> Outcome:
        module, work, role, report = WORK[name]
        monkeypatch.setattr(work, lambda *_, **__: report)
        outcome: Outcome = module.run(load("tiny"), **{role: "run"})
        return outcome

    monkeypatch.setattr(tracking, "run_stage", run_stage)
    monkeypatch.setattr(tracking, "cache_layout", lambda: cache)
    for module in (mine, teach):
        judge = SimpleNamespace(crates_fault=lambda _: "")
        monkeypatch.setattr(module, "open_judge", lambda *_, judge=judge, **__: contextlib.nullcontext(judge))
    monkeypatch.setattr(mine, "measured_texts", lambda *_: [])
    monkeypatch.setattr(teach, "open_teachers", lambda *_: [])
    monkeypatch.setattr(teach, "chosen_problems", lambda *_: [])
    return run


@pytest.mark.parametrize("name", WORK)
def test_the_funnel_is_logged_and_drawn(name: str, run: Callable[[str], Outcome], tmp_path: Path) -> None:
    outcome = run(name)
    assert outcome.metrics[f"{name}.judge.kept"] == 2
    assert outcome.metrics[f"{name}.judge.dropped.wrong"] == 1
    assert [row["outcome"] for row in outcome.tables[f"{name}/funnel.json"]] == ["kept", "wrong"]
    assert all(table.startswith(f"{name}/") for table in outcome.tables)
    assert [path.name for path in (tmp_path / "report" / "plots").iterdir()] == ["funnel.png"]


def test_records_are_counted_in_all_and_by_teacher(run: Callable[[str], Outcome]) -> None:
    metrics = run("teach").metrics
    assert (metrics["teach.records"], metrics["teach.records.one"]) == (2, 2)
