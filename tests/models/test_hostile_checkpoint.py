"""A checkpoint that was made to do harm: none of its code runs, whatever it hides it in."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from rustml import chat
from rustml.errors import InputError
from rustml.models import checkpoint as checkpoints
from tests.support.toy_models import checkpoint, logits, model, save_adapter

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft, about torch
CODE = "import pathlib\npathlib.Path({mark!r}).touch()\nfrom transformers import Qwen3Config as Evil\n"


class Payload:
    """An object that, read from a pickle, makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What is there after code of the checkpoint has run."""
    return tmp_path / "mark"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "model")


def load(folder: Path) -> Any:
    return checkpoints.load_model(folder, dtype="float32", attention="eager", device="cpu").eval()


def poison(file: Path, mark: Path) -> None:
    torch.save({"weight": Payload(mark)}, file)


def write_code(folder: Path, file: str, mark: Path, **fields: Any) -> None:
    """Let the configuration `file` ask for a module in the folder."""
    (folder / "evil.py").write_text(CODE.format(mark=str(mark)))
    content = json.loads((folder / file).read_text()) | fields
    (folder / file).write_text(json.dumps(content))


def test_the_payload_works(tmp_path: Path, mark: Path) -> None:
    poison(tmp_path / "weights.bin", mark)
    torch.load(tmp_path / "weights.bin", weights_only=False)
    assert mark.exists()
    with pytest.raises(FileExistsError):
        pickle.loads(pickle.dumps(Payload(mark)))


def test_pickled_weights_are_refused_even_where_a_manifest_vouches_for_them(folder: Path, mark: Path) -> None:
    (folder / "model.safetensors").unlink()
    poison(folder / "pytorch_model.bin", mark)
    with pytest.raises(InputError, match="no weights in safetensors"):
        load(folder)
    assert not mark.exists()


def test_pickled_weights_beside_safetensors_are_not_looked_at(folder: Path, mark: Path) -> None:
    poison(folder / "pytorch_model.bin", mark)
    index = {"metadata": {}, "weight_map": {"model.norm.weight": "pytorch_model.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    assert torch.equal(logits(load(folder)), logits(model().float().eval()))
    assert not mark.exists()


def test_a_pickled_adapter_is_refused(folder: Path, mark: Path, tmp_path: Path) -> None:
    save_adapter(folder, tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    poison(tmp_path / "adapter" / "adapter_model.bin", mark)
    with pytest.raises(InputError, match="no weights in safetensors"):
        load(tmp_path / "adapter")
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["qwen3", "of-its-own"])
def test_code_beside_the_weights_is_not_run(kind: str, folder: Path, mark: Path) -> None:
    """A known kind of model is loaded by transformers' own class; another one is refused."""
    ask = {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}
    write_code(folder, "config.json", mark, model_type=kind, auto_map=ask)
    if kind == "qwen3":
        assert type(load(folder)).__name__ == "Qwen3ForCausalLM"
    else:
        with pytest.raises(InputError, match="custom code"):
            load(folder)
    assert not mark.exists()


def test_code_of_a_tokenizer_is_not_run(folder: Path, mark: Path) -> None:
    ask = {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    write_code(folder, "tokenizer_config.json", mark, tokenizer_class="Evil", auto_map=ask)
    try:
        checkpoints.load_tokenizer(folder)
    except InputError as error:
        assert "custom code" in str(error)  # noqa: PT017  refused or read without the code: both are safe
    assert not mark.exists()


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.mkdir(MARK) }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{% for m in messages %}{{ m.items.__self__.__class__.__mro__ }}{% endfor %}",
    ],
)
def test_a_template_that_reaches_for_more_is_refused(template: str, folder: Path, mark: Path) -> None:
    (folder / "chat_template.jinja").write_text(template.replace("MARK", repr(str(mark))))
    with pytest.raises(InputError, match="template"):
        chat.prompt(checkpoints.load_tokenizer(folder), "Add two numbers.")
    assert not mark.exists()
