"""What a person sees in MLflow's own pages, in a real browser: runs side by side, versions with the gate's marks.

The evaluations are fabricated; everything that logs, registers, promotes and shows them is real.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from rustml.runs import tracking
from tests.support.fabricated_lifecycle import Lifecycle, fill
from tests.support.stores import MODEL, Store

playwright = pytest.importorskip("playwright.sync_api", reason="needs requirements/ui.txt")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium in the PATH"),
    pytest.mark.filterwarnings("ignore"),
]

QUIET = ("background-networking", "component-update", "gpu", "quic", "sync")
PATIENCE = 120_000
"""Milliseconds that a page may take on a busy machine."""
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
STAGES = ("base", "sft", "grpo", "fp8")
STEP, HALF_A_ROW = 15, 20
"""Pixels. In MLflow 3.17.2 the column of names follows the values one scroll event late: one long step of a wheel shows
names beside other rows' values. Browsers that scroll smoothly send many short steps, and so does this test."""
# The texts of the comparison's cells with their place on the screen; the first grid is the column of names.
CELLS = """() => [...document.querySelectorAll('.ReactVirtualized__Grid')].map(grid => {
    const frame = grid.getBoundingClientRect();
    return [...grid.querySelectorAll('.ReactVirtualized__Grid__innerScrollContainer > *')]
        .map(cell => [cell.innerText.trim(), cell.getBoundingClientRect()])
        .filter(([_, box]) => box.top < frame.bottom && box.bottom > frame.top)
        .map(([text, box]) => [text, box.left, box.top]);
})"""


@pytest.fixture
def place(tracking_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    """Stand in an empty folder, with the server as the tracking store; its client."""
    before = mlflow.get_tracking_uri()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_server)
    monkeypatch.chdir(tmp_path)
    tracking.client.cache_clear()
    yield tracking.client()
    tracking.client.cache_clear()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def page() -> Iterator[Any]:
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in QUIET)]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=arguments)
        opened = browser.new_page(viewport={"width": 1900, "height": 1400})
        opened.set_default_timeout(PATIENCE)
        yield opened
        browser.close()


def test_runs_stand_side_by_side_and_versions_show_their_gates(
    place: MlflowClient,
    page: Any,
    evaluation: Callable[..., Evaluation],
    thresholds: Thresholds,
    tmp_path: Path,
) -> None:
    (tmp_path / "weights").mkdir()
    store = Store(place, tmp_path / "weights", tracking.experiment(), thresholds)
    made = fill(store, evaluation)
    shots = tmp_path / "shots"
    press_compare(page, str(os.environ["MLFLOW_TRACKING_URI"]), store.experiment, made)
    check_comparison(page, made, shots / "compare.png")
    page.goto(f"{os.environ['MLFLOW_TRACKING_URI']}/#/models/{MODEL}")
    check_versions(page, made)
    page.screenshot(path=shots / "registered-model.png")
    with tracking.plain_run("screenshots of fabricated evaluations", {"stage": "ui"}) as run:
        place.log_artifacts(run, str(shots), "screenshots")
    kept = {entry.path: entry.file_size for entry in place.list_artifacts(run, "screenshots")}
    assert set(kept) == {"screenshots/compare.png", "screenshots/registered-model.png"}
    assert all(size > 10_000 for size in kept.values())


def press_compare(page: Any, url: str, experiment: str, made: Lifecycle) -> None:
    """Select the four stages' evaluations in the experiment's table, and no other run, and press the button."""
    page.goto(f"{url}/#/experiments/{experiment}/runs")
    for name in STAGES:
        page.locator(f'.ag-row[row-id="{made.runs[name]}"] input[aria-label*="toggle row selection"]').check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Comparing 4 Runs from 1 Experiment").wait_for()


def check_comparison(page: Any, made: Lifecycle, shot: Path) -> None:
    """Every metric that the evaluations logged has a row with the four values, in the order of the columns."""
    columns = [page.get_by_role("row").filter(has_text="Run Name:").get_by_text(f"fabricated {n}") for n in STAGES]
    assert sorted(columns, key=lambda column: column.bounding_box()["x"]) == columns
    expected = {name: [made.metrics[stage][name] for stage in STAGES] for name in made.metrics["base"]}
    assert {"rust.pass_rate", "rust.compile_rate", "retention.python.pass_at_1"} <= set(expected)
    page.get_by_text("Metrics", exact=True).last.scroll_into_view_if_needed()
    shown = rows(page, set(expected))
    assert set(shown) == set(expected)
    for name, values in expected.items():
        assert [float(text) for text in shown[name]] == pytest.approx(values, abs=1e-3), name
    page.screenshot(path=shot)


def rows(page: Any, names: set[str]) -> dict[str, list[str]]:
    """The comparison's metrics: by name, the values that stand on its line, from left to right; scrolls through all."""
    table: dict[str, list[str]] = {}
    values = page.locator(".ReactVirtualized__Grid").nth(1)
    values.wait_for()
    values.hover()
    deadline = time.monotonic() + PATIENCE / 1000
    while not names <= set(table) and time.monotonic() < deadline:
        cells = page.evaluate(CELLS)
        for name, _, top in cells[0]:
            line = sorted((left, text) for text, left, at in cells[1] if abs(at - top) < HALF_A_ROW)
            if len(line) == len(STAGES):
                table[name] = [text for _, text in line]
        scroll(page, STEP)
    for _ in range(3):
        scroll(page, -1)
    return table


def scroll(page: Any, pixels: int) -> None:
    page.mouse.wheel(0, pixels)
    page.wait_for_timeout(200)


def check_versions(page: Any, made: Lifecycle) -> None:
    """Each version's row shows its aliases and the outcome of its gates; a refused one shows the refusal."""
    marks = {
        "sft": (["@ sft"], ["gate.sft: passed"]),
        "grpo": (["@ grpo"], ["gate.grpo: passed", "parent_version: 1"]),
        "fp8": (["@ fp8", "@ champion"], ["gate.fp8: passed", "gate.champion: passed", "parent_version: 2"]),
        "forgetful": ([], ["refused.sft: retention (pooled): 80.0 -> 60.0"]),
    }
    for name, (aliases, tags) in marks.items():
        row = page.get_by_role("row").filter(has=page.get_by_text(f"Version {made.versions[name]}", exact=True))
        row.scroll_into_view_if_needed()
        text = row.inner_text().replace("\n: ", ": ").replace("\N{NO-BREAK SPACE}", " ")
        assert sorted(line for line in text.splitlines() if line.startswith("@")) == sorted(aliases)
        assert [tag for tag in tags if tag in text] == tags
        assert row.is_visible()
    page.get_by_text(f"Version {made.versions['fp8']}", exact=True).scroll_into_view_if_needed()
