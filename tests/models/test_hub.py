"""A checkpoint from a hub on loopback: only its own files, complete or not at all, and once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.release import versions
from rustml.runs import tracking
from tests.support.loopback_hub import COMMIT, hub

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys, types
from pathlib import Path
from huggingface_hub.utils import _http
from rustml.errors import RustmlError
from rustml.models.hub import cached
_http.time = types.SimpleNamespace(sleep=lambda seconds: None)  # between five requests to a hub that is down
try:
    print(cached("owner/model", sys.argv[1], Path(sys.argv[2])))
except RustmlError as error:
    sys.exit(f"{error.exit_code}: {error}")
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "hub" / "owner" / "model"
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
        (folder / name).write_text(f"{name} as published")
    for name in ("pytorch_model.bin", "modeling_custom.py"):
        (folder / name).write_text("not to be had: it could run code")
    return tmp_path / "hub"


def fetch(endpoint: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache / "home"), "HF_HUB_DISABLE_XET": "1"}
    argv = [sys.executable, "-c", SCRIPT, COMMIT, str(cache)]
    return subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_checkpoint_is_fetched_once_and_without_code(published: Path, tmp_path: Path) -> None:
    with hub(published) as endpoint:
        first = fetch(endpoint, tmp_path / "cache")
    assert first.returncode == 0, first.stderr
    place = Path(first.stdout.strip())
    assert sorted(path.name for path in place.iterdir()) == [
        "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"
    ]  # fmt: skip
    assert (place / "model.safetensors").read_text() == "model.safetensors as published"
    again = fetch("http://127.0.0.1:9", tmp_path / "cache")
    assert again.stdout == first.stdout


def test_a_hub_that_does_not_answer_leaves_no_checkpoint(tmp_path: Path) -> None:
    done = fetch("http://127.0.0.1:9", tmp_path / "cache")
    assert done.returncode == 1
    assert f"4: owner/model at {COMMIT} cannot be fetched from the hub: " in done.stderr
    assert not list((tmp_path / "cache").glob("owner--model@*[!l]"))


def test_an_unknown_repository_is_told_from_a_missing_hub(published: Path, tmp_path: Path) -> None:
    (published / "owner" / "model").rename(published / "owner" / "other")
    with hub(published) as endpoint:
        done = fetch(endpoint, tmp_path / "cache")
    assert done.returncode == 1
    assert "404" in done.stderr or "not found" in done.stderr.lower()


@pytest.mark.parametrize("name", ["owner/model", "owner/model@main", "owner/model@abc123"])
def test_a_model_on_the_hub_has_to_be_pinned(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "output", lambda run: pytest.fail(f"{run} was taken for a run"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="OWNER/NAME@COMMIT"):
        versions.checkpoint(name, "rust-coder")
