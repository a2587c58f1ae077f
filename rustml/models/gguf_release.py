"""The GGUF files of a release: formats that are written here, k-quants by llama.cpp, and a Modelfile for Ollama."""

import ctypes
import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rustml.errors import EnvironmentFault, InputError
from rustml.io import write_bytes
from rustml.models import gguf_export

FOLDER, MODELFILE = "gguf", "Modelfile"
TOOL, MODULE = "llama-quantize", "llama_cpp"
K_QUANTS = ("Q6_K", "Q5_K_M", "Q4_K_M")
SHARES = {"BF16": 1.0, "Q8_0": 0.54, "Q6_K": 0.42, "Q5_K_M": 0.37, "Q4_K_M": 0.32}
"""Size of a file as a share of the bf16 weights, for the check of the disk; embeddings of small models weigh more."""


def formats(text: str) -> tuple[str, ...]:
    """The formats in `BF16,Q8_0`, each once.

    Raises InputError for an unknown one, EnvironmentFault for a k-quant where llama.cpp is not installed.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in SHARES:
            raise InputError(f"gguf: unknown format {name!r}; known: {', '.join(SHARES)}")
        if name in K_QUANTS and not shutil.which(TOOL) and importlib.util.find_spec(MODULE) is None:
            raise EnvironmentFault(
                f"gguf: {name} needs llama.cpp: put `{TOOL}` on the PATH, or `pip install llama-cpp-python==0.3.36` "
                "(a C++ compiler builds it); BF16 and Q8_0 need neither"
            )
    return names


def write(folder: Path, names: Sequence[str], model: str, scratch: Path) -> dict[str, float]:
    """Write the release in `folder` in these formats below `gguf/`, and a Modelfile that names the smallest.

    Returns the size of each file in bytes, by format. Raises InputError as `gguf_export.write` does, EnvironmentFault
    where llama.cpp fails.
    """
    if not names:
        return {}
    out = folder / FOLDER
    out.mkdir()
    whole = out / f"{model}-BF16.gguf" if "BF16" in names else scratch / "BF16.gguf"
    if "BF16" in names or set(names) & set(K_QUANTS):
        gguf_export.write(folder, whole, "BF16", model)
    for name in names:
        file = out / f"{model}-{name}.gguf"
        if name == "Q8_0":
            gguf_export.write(folder, file, "Q8_0", model)
        elif name in K_QUANTS:
            _quantise(whole, file, name)
    sizes = {name: float((out / f"{model}-{name}.gguf").stat().st_size) for name in names}
    smallest = min(names, key=lambda name: sizes[name])
    write_bytes(out / MODELFILE, modelfile(f"{model}-{smallest}.gguf").encode())
    return sizes


def modelfile(file: str) -> str:
    """Ollama's description of a model; it takes template and end tokens from the file itself."""
    return f"FROM ./{file}\nPARAMETER temperature 0\n"


def _quantise(whole: Path, file: Path, name: str) -> None:
    if shutil.which(TOOL):
        done = subprocess.run([TOOL, str(whole), str(file), name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise EnvironmentFault(f"{TOOL} failed for {name}: {(done.stderr or done.stdout).strip()[-300:]}")
        return
    import llama_cpp  # noqa: PLC0415  not everywhere installed

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{name}")
    if llama_cpp.llama_model_quantize(str(whole).encode(), str(file).encode(), ctypes.byref(parameters)):
        raise EnvironmentFault(f"llama.cpp cannot make {name} of {whole.name}")
