"""Downloads of evidence end with the process that made them."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rustml.release import fetching, registry

CHILD = """
import multiprocessing, sys
from rustml.release import fetching

def fetch(pipe):
    folder = fetching.downloads()
    (folder / "weights").write_bytes(b"x" * 1000)
    pipe.send(str(folder))

if __name__ == "__main__":
    print(fetching.downloads())
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=fetch, args=(theirs,))
    fetching.downloads.cache_clear()
    child.start(); print(ours.recv()); child.join()
"""


def test_downloads_are_gone_when_process_or_child_end() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True, timeout=120)
    folders = [Path(line) for line in done.stdout.split()]
    assert len(set(folders)) == 2
    assert not [folder for folder in folders if folder.exists()]


@pytest.mark.parametrize(("uri", "copied"), [("mlflow-artifacts:/1/x", True), ("file:///x", False), ("/x", False)])
def test_only_what_is_far_is_copied(uri: str, copied: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    def download(**options: Any) -> str:
        asked.update(options)
        return str(tmp_path)

    monkeypatch.setattr(fetching.mlflow.artifacts, "download_artifacts", download)
    assert fetching.fetch(SimpleNamespace(tracking_uri="x"), uri, "it") == tmp_path
    assert (asked["dst_path"] is not None) == copied
    if copied:
        assert Path(asked["dst_path"]).parent == fetching.downloads()


def test_a_versions_files_are_downloaded_and_hashed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    downloads, hashed = [], []
    digest = registry.checkpoint.digest

    def download(**options: Any) -> str:
        downloads.append(options["artifact_uri"])
        return str(tmp_path)

    def hashing(folder: Path) -> str:
        hashed.append(folder)
        return digest(folder)

    monkeypatch.setattr(fetching.mlflow.artifacts, "download_artifacts", download)
    monkeypatch.setattr(registry.checkpoint, "digest", hashing)
    client = SimpleNamespace(
        tracking_uri="http://x",
        get_model_version_download_uri=lambda _model, number: f"mlflow-artifacts:/{number}",
        get_model_version=lambda _model, _number: SimpleNamespace(run_id="r", source="s3://elsewhere/model"),
    )
    versions = registry.Registry(client, "rust-coder")
    first = [versions.digest("1") for _ in range(3)]
    assert len(set(first)) == 1
    assert (downloads, len(hashed)) == (["mlflow-artifacts:/1"], 1)
    (tmp_path / "model.safetensors").write_bytes(b"others!")
    assert versions.digest("1") != first[0], "a file that was touched is hashed again"
    versions.digest("2")
    assert downloads == ["mlflow-artifacts:/1", "mlflow-artifacts:/2"]
