"""The pip part of conda.yaml can be had: uv resolves its lines on the indexes named there, and installs nothing."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv")
pytestmark = [pytest.mark.network, pytest.mark.skipif(UV is None, reason="uv is not on PATH: pip install uv")]


def answers(index: str) -> bool:
    """Whether the host of an index has an address; behind a mirror that of PyTorch's has none."""
    try:
        socket.getaddrinfo(urlsplit(index.split()[1]).hostname, 443)
    except OSError:
        return False
    return True


def run(*words: str) -> str:
    environment = {**os.environ, "UV_INDEX_STRATEGY": "unsafe-best-match"}
    done = subprocess.run([str(UV), *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def test_every_line_of_conda_yaml_is_found(tmp_path: Path) -> None:
    index, *pins = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"][2]["pip"]
    (tmp_path / "pins.txt").write_text("\n".join([*([index] if answers(index) else []), *pins]))
    run("venv", "--python", "3.11", str(tmp_path / "empty"))
    local = ["--find-links", os.environ["PIP_FIND_LINKS"]] if "PIP_FIND_LINKS" in os.environ else []
    python = ["--python", str(tmp_path / "empty" / "bin" / "python")]
    said = run("pip", "install", "--dry-run", "--no-deps", *local, *python, "-r", str(tmp_path / "pins.txt"))
    assert f"Would install {len(pins)} packages" in said
