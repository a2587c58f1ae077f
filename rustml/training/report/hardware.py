"""The machine that a training runs on: GPUs, their memory and links, driver, processor, disk."""

import platform
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

GB = 1e9
FLAGS = ("avx512f", "avx512_bf16", "amx_bf16")
"""Instructions of a processor that decide how fast it computes in bf16."""
FIELDS = "name,memory.total,memory.free,driver_version"
SECONDS = 60
LINK = re.compile(r"\b(NV\d+|PIX|PXB|PHB|NODE|SYS)\b")


def probe(folder: Path) -> list[dict[str, str]]:
    """Rows of part and value; the disk is that of `folder`, which exists. A machine without `nvidia-smi` has no GPU."""
    import torch  # noqa: PLC0415  seconds to load

    rows = [("processor", _processor()), ("memory", _memory()), *_gpus()]
    visible = torch.cuda.device_count()
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "a build for CPUs"
    rows += [("torch", f"{torch.__version__}, {build}, {visible} GPUs visible"), ("disk", _disk(folder))]
    return [{"part": part, "value": value} for part, value in rows]


def line(rows: list[dict[str, str]]) -> str:
    """The rows in one line."""
    return "; ".join(f"{row['part']}: {row['value']}" for row in rows)


def _processor() -> str:
    name, flags = platform.machine(), set[str]()
    for text in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = text.partition(":")
        name = value.strip() if key.strip() == "model name" else name
        flags = set(value.split()) if key.strip() == "flags" else flags
    found = [flag for flag in FLAGS if flag in flags]
    return f"{name}, {len(psutil.Process().cpu_affinity())} cores usable, {' '.join(found) or 'no AVX-512'}"


def _memory() -> str:
    memory = psutil.virtual_memory()
    return f"{memory.total / GB:.1f} GB, {memory.available / GB:.1f} GB available"


def _disk(folder: Path) -> str:
    usage = shutil.disk_usage(folder)
    return f"{usage.free / GB:.1f} GB free of {usage.total / GB:.1f} GB at {folder}"


def _gpus() -> Iterator[tuple[str, str]]:
    rows = [
        [field.strip() for field in row.split(",")] for row in _smi(f"--query-gpu={FIELDS}", "--format=csv,noheader")
    ]
    rows = [row for row in rows if len(row) == len(FIELDS.split(","))]
    for number, (name, total, free, _) in enumerate(rows):
        yield f"GPU {number}", f"{name}, {total}, {free} free"
    if not rows:
        yield "GPU", "none"
        return
    yield "driver", rows[0][-1]
    if len(rows) > 1:
        yield "links", _links(len(rows))


def _links(count: int) -> str:
    """How each pair of GPUs is linked, as `nvidia-smi topo` names it: NV18 is NVLink with 18 links."""
    gpus = [row.split()[1 : count + 1] for row in _smi("topo", "-m") if re.match(r"\s*GPU\d+\s", row)]
    kinds = Counter(kind for cells in gpus for kind in LINK.findall(" ".join(cells)))
    links = ", ".join(f"{kind} ({number // 2} pairs)" for kind, number in kinds.items())
    return links + ("" if any(kind.startswith("NV") for kind in kinds) else " without NVLink") if links else "unknown"


def _smi(*words: str) -> list[str]:
    try:
        result = subprocess.run(["nvidia-smi", *words], capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return result.stdout.splitlines() if result.returncode == 0 else []
