"""From a record's id to its legal basis through a real tracking store, with no folder named."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from entrypoints.trace import main as trace
from rustml.pairs.build import build
from rustml.profile import load
from rustml.profile.pairs import PairsSection
from rustml.records import Pair, read_jsonl
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace

STAGE = Stage("pairs", ("pairs",), "rustml.errors")
Section = Callable[..., PairsSection]
Curated = Callable[..., Path]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store of its own, and MLflow's global state as it was."""
    import mlflow

    uri = mlflow.get_tracking_uri()
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    tracking.client.cache_clear()
    yield tmp_path
    tracking.client.cache_clear()
    mlflow.set_tracking_uri(uri)


def run(source: Path, section: PairsSection, seed: int, *, fail: bool = False) -> str:
    """A run of the stage; returns its id, or nothing where it failed."""

    def body(space: Workspace) -> Outcome:
        report = build(section, source, space.out, protected=[], workers=1)
        if fail:
            raise KeyboardInterrupt
        return Outcome(report.metrics())

    return tracking.run_stage(STAGE, load("tiny", [f"seed={seed}"]), body).run_id


def asked(pair: str) -> Result:
    return CliRunner().invoke(trace, ["--pair", pair])


def first(run_id: str) -> Pair:
    return next(read_jsonl(tracking.output(run_id) / "train.jsonl", Pair))


def test_a_record_is_found_in_whichever_run_and_experiment_holds_it(
    section: Section, curated: Curated, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    older_run = run(curated(texts[:8], "one"), section(), 1)
    older = first(older_run)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
    newer_run = run(curated(texts[30:38], "two"), section(tasks={"sig_doc_impl": 1.0}), 2)
    newer = first(newer_run)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    with pytest.raises(KeyboardInterrupt):
        run(curated(texts[50:54], "three"), section(), 3, fail=True)
    for pair in (older, newer):
        told = asked(pair.id)
        assert told.exit_code == 0, told.output
        for fact in (pair.id, "train", f"{pair.origin.name} 1.0.0", pair.origin.licence, "allowed", pair.origin.path):
            assert fact in told.output
    unknown = asked("0" * 16)
    assert unknown.exit_code == 2
    assert "no output of the pairs stage holds a record 0000000000000000" in unknown.output
    assert all(f"run {run_id} (" in unknown.output for run_id in (older_run, newer_run))
    every = asked("")
    assert every.exit_code == 0
    assert older.id in every.output, "the beginning of an id is looked for in every run"
    assert newer.id in every.output


def test_a_run_whose_artifacts_are_gone_is_passed_over(section: Section, curated: Curated, texts: list[str]) -> None:
    kept = first(run(curated(texts[:8], "one"), section(), 1))
    gone = run(curated(texts[30:38], "two"), section(), 2)
    lost = first(gone).id
    shutil.rmtree(tracking.output(gone))
    assert asked(kept.id).exit_code == 0
    missing = asked(lost)
    assert missing.exit_code == 2
    assert f"run {gone} (" in missing.output
    assert "its files are gone" in missing.output


def test_an_empty_store_holds_nothing() -> None:
    told = asked("abc")
    assert told.exit_code == 2
    assert "--output names a folder" in told.output
