"""Downloads of evidence end with the process that made them."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rustml.release import registry

CHILD = """
import multiprocessing, sys
from rustml.release import registry

def fetch(pipe):
    folder = registry._downloads()
    (folder / "weights").write_bytes(b"x" * 1000)
    pipe.send(str(folder))

if __name__ == "__main__":
    print(registry._downloads())
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=fetch, args=(theirs,))
    registry._downloads.cache_clear()
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

    monkeypatch.setattr(registry.mlflow.artifacts, "download_artifacts", download)
    assert registry.fetch(SimpleNamespace(tracking_uri="x"), uri, "it") == tmp_path
    assert (asked["dst_path"] is not None) == copied
    if copied:
        assert Path(asked["dst_path"]).parent == registry._downloads()
