"""A view of the list of runs stands in the experiment in the form that MLflow's own page writes."""

import base64
import json
import zlib
from typing import Any

from rustml.runs import tracking
from rustml.runs.saved_views import PACKED, TAG, save_view


def saved(key: str) -> dict[str, Any]:
    tags = tracking.client().get_experiment(tracking.experiment()).tags
    view: dict[str, Any] = json.loads(tags[TAG + key])
    return view


def test_a_view_names_its_runs_and_its_columns() -> None:
    save_view("evaluations", "Evaluations", "evaluate", ["rust.format_rate", "rust.pass_rate"], by="rust.pass_rate")
    view = saved("evaluations")
    assert view["name"] == "Evaluations"
    state = json.loads(zlib.decompress(base64.b64decode(view["state"].removeprefix(PACKED))))
    assert state["searchFilter"] == "tags.`rustml.stage` = 'evaluate'"
    assert state["selectedColumns"] == ["metrics.`rust.pass_rate`", "metrics.`rust.format_rate`"]
    assert state["columnOrder"][0] == "attributes.`Run Name`"
    assert state["columnWidths"].keys() == set(state["columnOrder"]) >= set(state["selectedColumns"])
    assert state["orderByKey"] == "metrics.`rust.pass_rate`"


def test_a_view_that_is_the_same_is_left_alone_and_another_one_replaces_it() -> None:
    save_view("evaluations", "Evaluations", "evaluate", ["rust.pass_rate"], by="rust.pass_rate")
    first = saved("evaluations")
    save_view("evaluations", "Evaluations", "evaluate", ["rust.pass_rate"], by="rust.pass_rate")
    assert saved("evaluations") == first
    save_view("evaluations", "Evaluations", "evaluate", ["rust.compile_rate"], by="rust.compile_rate")
    assert saved("evaluations")["state"] != first["state"]
    assert saved("evaluations")["createdAt"] == first["createdAt"]
