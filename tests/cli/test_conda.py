"""The pip parts of the conda files can be had: uv resolves their lines on their indexes, and installs nothing."""

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


def would_install(lines: list[str], folder: Path, *options: str) -> str:
    (folder / "pins.txt").write_text("\n".join(lines))
    run("venv", "--python", "3.11", str(folder / "empty"))
    local = ["--find-links", os.environ["PIP_FIND_LINKS"]] if "PIP_FIND_LINKS" in os.environ else []
    python = ["--python", str(folder / "empty" / "bin" / "python")]
    return run("pip", "install", "--dry-run", *options, *local, *python, "-r", str(folder / "pins.txt"))


def test_every_line_of_conda_yaml_is_found(tmp_path: Path) -> None:
    index, *pins = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"][2]["pip"]
    plan = would_install([*([index] if answers(index) else []), *pins], tmp_path, "--no-deps")
    assert f"Would install {len(pins)} packages" in plan


def test_conda_gpu_yaml_is_complete_and_agrees_with_itself(tmp_path: Path) -> None:
    """With the requirements of every package: what is missing would be one more, and what disagrees an error."""
    pins = yaml.safe_load((ROOT / "conda-gpu.yaml").read_text())["dependencies"][2]["pip"]
    plan = would_install(pins, tmp_path, "--python-platform", "x86_64-manylinux_2_28")
    assert f"Would install {len(pins)} packages" in plan
