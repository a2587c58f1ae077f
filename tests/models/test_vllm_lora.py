"""Which adapters vLLM takes, and as what; every other one is named with the reason."""

import json
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.models import checkpoint as checkpoints
from rustml.models import vllm_lora
from tests.support.toy_models import checkpoint as full_checkpoint
from tests.support.toy_models import save_adapter

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft, about torch


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_checkpoint(tmp_path_factory.mktemp("vllm") / "base")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    save_adapter(base, tmp_path / "adapter")
    return tmp_path / "adapter"


def change(adapter: Path, **fields: object) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(("rank", "limit"), [(1, 1), (2, 8), (8, 8), (9, 16), (512, 512)])
def test_an_adapter_is_loaded_beside_its_base(adapter: Path, base: Path, rank: int, limit: int) -> None:
    change(adapter, r=rank)
    assert vllm_lora.obstacle(adapter) == ""
    assert vllm_lora.adapter(adapter) == vllm_lora.Adapter(base, limit)


def test_another_checkpoint_needs_nothing(base: Path) -> None:
    assert vllm_lora.obstacle(base) == ""
    assert vllm_lora.adapter(base) is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"r": 513}, "rank is 513"),
        ({"use_dora": True}, "with use_dora"),
        ({"modules_to_save": ["embed_tokens"], "lora_bias": True}, "with lora_bias, modules_to_save"),
    ],
)
def test_what_vllm_does_not_take_is_named(adapter: Path, fields: dict[str, object], reason: str) -> None:
    change(adapter, **fields)
    assert reason in vllm_lora.obstacle(adapter)
    with pytest.raises(InputError, match="merge it into its base first"):
        vllm_lora.adapter(adapter)


def test_an_adapter_on_an_adapter_is_not_taken(adapter: Path, tmp_path: Path) -> None:
    save_adapter(adapter, tmp_path / "second")
    assert "adapter itself" in vllm_lora.obstacle(tmp_path / "second")


def test_another_base_is_refused(adapter: Path) -> None:
    path = adapter / checkpoints.MANIFEST
    fields = json.loads(path.read_text())
    fields["base"]["digest"] = "0" * 64
    path.write_text(json.dumps(fields))
    with pytest.raises(InputError, match="has another digest"):
        vllm_lora.obstacle(adapter)


def test_the_ranks_are_those_of_the_installed_vllm() -> None:
    """Read off its source: importing it takes seconds."""
    import importlib.util
    import re

    spec = importlib.util.find_spec("vllm")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("vllm is not installed")
    source = (Path(spec.submodule_search_locations[0]) / "config" / "lora.py").read_text()
    literal = re.search(r"MaxLoRARanks = Literal\[([\d, ]+)\]", source)
    assert literal is not None
    assert tuple(map(int, literal[1].split(","))) == vllm_lora.RANKS
