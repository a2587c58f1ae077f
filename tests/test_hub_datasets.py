"""Rows of data sets: local files, and the hub with what it may raise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.hub_datasets import HubDataset, hub_dataset, hub_rows, local_rows, pinned


def test_a_revision_follows_the_name() -> None:
    assert hub_dataset("o/n") == HubDataset("o/n")
    assert hub_dataset("o/n@abc") == HubDataset("o/n", revision="abc")
    with pytest.raises(InputError, match="ends with '@'"):
        hub_dataset("o/n@")


def _breaking(error: Exception) -> Iterator[dict[str, Any]]:
    yield {"a": 1}
    raise error


class Strange(Exception):
    """Like the errors of the libraries below `datasets`: of no kind that ours know."""


@pytest.mark.parametrize("error", [Strange("payload is not complete"), OSError("reset"), RuntimeError("closed")])
def test_any_error_in_the_middle_of_a_stream_is_a_fault(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    import datasets

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: _breaking(error))
    rows = hub_rows(HubDataset("o/n", revision="abc"), "train")
    assert next(rows) == ("o/n train, row 1", {"a": 1})
    with pytest.raises(EnvironmentFault, match=f"o/n at abc cannot be read: {error}"):
        next(rows)


def test_a_data_set_that_the_hub_does_not_hold_is_the_users_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def missing(*_: Any, **__: Any) -> Any:
        raise datasets.exceptions.DatasetNotFoundError("Dataset 'o/n' doesn't exist on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", missing)
    with pytest.raises(InputError, match="Check its name, revision and split"):
        list(hub_rows(HubDataset("o/n"), "train"))


def test_a_revision_is_handed_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    calls: list[Any] = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *words, **options: calls.append((words, options)) or [])
    list(hub_rows(HubDataset("o/n", revision="abc"), "train"))
    list(hub_rows(HubDataset("o/n", data_file="a.jsonl", revision="abc"), "train"))
    assert calls[0][1]["revision"] == "abc"
    assert calls[1][1]["data_files"] == {"train": "hf://datasets/o/n@abc/a.jsonl"}


def test_a_name_is_pinned_to_the_commit_that_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    class Info:
        sha = "f" * 40

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: Info)
    assert pinned(HubDataset("o/n", revision="main")).revision == "f" * 40


def test_a_line_that_is_not_an_object_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n[1]\n')
    rows = local_rows(tmp_path / "a.jsonl")
    assert next(rows).location == f"{tmp_path / 'a.jsonl'}, line 1"
    with pytest.raises(InputError, match=r"a\.jsonl, line 3: not a JSON object"):
        next(rows)
    for name in ("none.jsonl", "none.parquet"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            list(local_rows(tmp_path / name))
