"""Training records of every task, rendered: the bytes and tokens are those that serving makes of the same question."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rustml import chat
from rustml.pairs.build import build
from rustml.profile.pairs import PairsSection
from rustml.records import Pair, read_jsonl
from tests.support.toy_models import words

EMPTY_THINK = "<think>\n\n</think>\n\n"


@pytest.fixture
def pairs(
    section: Callable[..., PairsSection], curated: Callable[..., Path], texts: list[str], tmp_path: Path
) -> list[Pair]:
    """A record of every task, and a raw one, as the stage writes them."""
    build(section(), curated(texts[:8]), tmp_path / "out", protected=[], workers=1)
    records = [*read_jsonl(tmp_path / "out" / "train.jsonl", Pair), *read_jsonl(tmp_path / "out" / "raw.jsonl", Pair)]
    chosen = list({pair.task: pair for pair in records}.values())
    assert {pair.task for pair in chosen} == {*section().tasks, "raw"}
    return chosen


def served(instruction: str) -> list[int]:
    """The prompt's tokens as a server makes them of a chat request: by the tokenizer's own template, in one call."""
    made = words().apply_chat_template(
        [{"role": "user", "content": instruction}],
        tokenize=True, return_dict=False, add_generation_prompt=True, enable_thinking=False,
    )  # fmt: skip
    return list(made)


def test_the_tokens_trained_on_begin_with_those_that_are_served(pairs: list[Pair]) -> None:
    for pair in pairs:
        ids, labels = chat.encode(words(), pair.instruction, pair.answer)
        prompt = served(pair.instruction) if pair.instruction else []
        assert ids[: len(prompt)] == prompt, pair.task
        assert labels == [-100] * len(prompt) + ids[len(prompt) :], "loss on the answer alone"
        assert words().decode(ids[len(prompt) :]) == pair.answer + words().eos_token


def test_the_bytes_are_the_templates_own_with_empty_think_tags(pairs: list[Pair]) -> None:
    for pair in pairs:
        if pair.instruction:
            ids, _ = chat.encode(words(), pair.instruction, pair.answer)
            spoken = [*chat.messages(pair.instruction), {"role": "assistant", "content": pair.answer}]
            whole = words().apply_chat_template(spoken, tokenize=False)
            assert words().decode(ids) + "\n" == whole
            assert whole.count(EMPTY_THINK) == 1
            assert whole.partition(EMPTY_THINK)[2] == f"{pair.answer}{words().eos_token}\n"


VLLM = """
import json, sys
from types import SimpleNamespace
from transformers import AutoTokenizer
from vllm.renderers.hf import safe_apply_chat_template
folder, asked = sys.argv[1], json.load(open(sys.argv[2]))
tokenizer = AutoTokenizer.from_pretrained(folder)
config = SimpleNamespace(
    tokenizer_revision=None, code_revision=None, trust_remote_code=False, tokenizer=folder, model=folder
)
made = []
for question in asked:
    talk = [{"role": "user", "content": question}]
    options = {"add_generation_prompt": True, "enable_thinking": False}
    text = safe_apply_chat_template(config, tokenizer, talk, tokenize=False, **options)
    made.append([text, tokenizer.encode(text, add_special_tokens=False)])
print(json.dumps(made))
"""


@pytest.mark.slow
def test_vllms_own_renderer_makes_the_same_bytes_and_tokens(pairs: list[Pair], tmp_path: Path) -> None:
    """The function that vLLM's server renders chat requests with, called as it does for this tokenizer."""
    words().save_pretrained(tmp_path / "tokenizer")
    asked = [pair.instruction for pair in pairs if pair.instruction]
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    done = subprocess.run(
        [sys.executable, "-c", VLLM, str(tmp_path / "tokenizer"), str(tmp_path / "asked.json")],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    for question, (text, ids) in zip(asked, json.loads(done.stdout.splitlines()[-1]), strict=True):
        assert text == chat.prompt(words(), question)
        assert chat.encode(words(), question, "answer")[0][: len(ids)] == ids
