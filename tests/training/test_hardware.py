"""The probe of the machine: read from the tools that are there, and from none where there are none."""

from pathlib import Path

import pytest

from rustml.training.report import hardware

SMI = """#!/bin/sh
if [ "$1" = topo ]; then
  printf '\\tGPU0\\tGPU1\\tGPU2\\tNIC0\\tCPU Affinity\\n'
  printf 'GPU0\\t X \\tNV18\\tSYS\\tPIX\\t0-31\\nGPU1\\tNV18\\t X \\tSYS\\tPIX\\t0-31\\n'
  printf 'GPU2\\tSYS\\tSYS\\t X \\tNODE\\t0-31\\nNIC0\\tPIX\\tPIX\\tNODE\\t X\\n'
else
  for number in 1 2 3; do echo 'NVIDIA H100 80GB HBM3, 81559 MiB, 81000 MiB, 570.86.15'; done
fi
"""


def with_tool(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    tool = folder / "nvidia-smi"
    tool.write_text(text)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return {row["part"]: row["value"] for row in hardware.probe(folder)}


def test_gpus_their_driver_and_their_links_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = with_tool(SMI, tmp_path, monkeypatch)
    assert rows["GPU 2"] == "NVIDIA H100 80GB HBM3, 81559 MiB, 81000 MiB free"
    assert rows["driver"] == "570.86.15"
    assert rows["links"] == "NV18 (1 pairs), SYS (2 pairs)"


def test_a_tool_without_a_driver_is_a_machine_without_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = with_tool("#!/bin/sh\necho couldn\\'t communicate with the driver; exit 9\n", tmp_path, monkeypatch)
    assert rows["GPU"] == "none"
    assert "links" not in rows
    assert rows["disk"].endswith(f"at {tmp_path}")
    assert "cores usable" in rows["processor"]
    assert "processor: " in hardware.line(hardware.probe(tmp_path))
