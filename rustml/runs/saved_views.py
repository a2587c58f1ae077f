"""Saved views of MLflow's list of runs: which runs it shows, and which metrics beside their names.

Left to itself the list shows no metric. MLflow 3.17 keeps a view in a tag of the experiment, as its page writes it:
JSON whose `state` is compressed. A page that cannot read a view opens its usual list.
"""

import base64
import json
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress

from mlflow.exceptions import MlflowException

from rustml.runs.finished_runs import STAGE
from rustml.runs.mlflow_client import client, experiment

TAG, PACKED = "mlflow.sharedViewState.", "deflate;"
WIDTHS = {"attributes.`Run Name`": 230, "runDateAndNestInfo": 140, "duration": 90}
"""In pixels, of the columns that the page always shows."""
PADDING, PIXELS = 30, 7
"""Width in pixels of a column without its name, and of a character."""


def save_view(key: str, name: str, stage: str, metrics: Sequence[str], *, by: str) -> None:
    """Save in the experiment, under *Views*, the runs of a stage with columns of metrics; the same view is left alone.

    The highest value of the metric `by` stands first; a list that is sorted by time folds runs below their parents.
    An account that may not edit the experiment goes without.
    """
    state = PACKED + base64.b64encode(zlib.compress(json.dumps(_state(stage, metrics, by)).encode())).decode()
    there = json.loads(client().get_experiment(experiment()).tags.get(TAG + key, "{}"))
    if there.get("state") == state:
        return
    now = int(time.time() * 1000)
    view = {"name": name, "createdAt": there.get("createdAt", now), "updatedAt": now, "state": state}
    with suppress(MlflowException):
        client().set_experiment_tag(experiment(), TAG + key, json.dumps(view))


def _state(stage: str, metrics: Sequence[str], by: str) -> dict[str, object]:
    """The state of the page, with the names that it has itself: `by` first, each column as wide as its name."""
    metrics = [by, *(metric for metric in metrics if metric != by)]
    widths = WIDTHS | {f"metrics.`{metric}`": PADDING + PIXELS * len(metric) for metric in metrics}
    return {
        "searchFilter": f"tags.`{STAGE}` = '{stage}'",
        "orderByKey": f"metrics.`{by}`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [f"metrics.`{metric}`" for metric in metrics],
        "columnOrder": list(widths),
        "columnWidths": widths,
        "runsHiddenMode": "FIRST_10_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
