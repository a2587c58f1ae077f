"""Versions and devices are read without loading a library."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from rustml.runs import environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `nvidia-smi` that a test writes, alone on PATH, beside a torch that is built for GPUs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(environment, "_version", lambda _: "2.13.0+cu130")
    environment._gpus.cache_clear()
    return tmp_path / "nvidia-smi"


def answer(smi: Path, text: str) -> None:
    smi.write_text(f"#!/bin/sh\n{text}\n")
    smi.chmod(0o755)


def test_versions_are_those_that_are_installed() -> None:
    versions = environment.libraries("torch", "vllm", "no-such-library")
    assert versions["torch"] == importlib.metadata.version("torch")
    assert versions["vllm"] != environment.MISSING, "under whatever name it is distributed"
    assert versions["no-such-library"] == environment.MISSING


def test_nothing_is_imported_to_know_versions_and_device() -> None:
    program = (
        "import sys; from rustml.runs.environment import libraries_and_device as e; e('transformers');"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0


def test_gpus_are_told_by_their_names(smi: Path) -> None:
    answer(smi, "echo 'NVIDIA H100'; echo 'NVIDIA H100'; echo 'NVIDIA A100'")
    assert environment.device() == "NVIDIA A100, NVIDIA H100"


def test_a_machine_without_gpus_computes_on_its_cpu(smi: Path) -> None:
    assert environment.device() == "cpu", "no driver"
    environment._gpus.cache_clear()
    answer(smi, "echo 'No devices were found'; exit 6")
    assert environment.device() == "cpu"


def test_hidden_gpus_and_a_torch_for_cpus_mean_the_cpu(smi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(smi, "echo 'NVIDIA H100'")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert environment.device() == "cpu"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(environment, "_version", lambda _: "2.13.0+cpu")
    assert environment.device() == "cpu"
