"""Small tokenizers with the special-token rules of model families, and templates of the same shape, written here."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

QWEN3 = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.role == 'assistant' and loop.last -%}{{ '<think>\n\n</think>\n\n' }}{%- endif -%}"
    "{{ message.content + '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}{{ '<think>\n\n</think>\n\n' }}{%- endif -%}"
    "{%- endif -%}"
)
QWEN25 = (
    "{%- if messages[0]['role'] != 'system' -%}{{ '<|im_start|>system\nYou are Q.<|im_end|>\n' }}{%- endif -%}"
    "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
LLAMA = (
    "{{- bos_token -}}{%- for message in messages -%}"
    "{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif -%}"
)
GEMMA = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}"
    "{%- set first = messages[0]['content'] + '\n\n' -%}{%- set turns = messages[1:] -%}"
    "{%- else -%}{%- set first = '' -%}{%- set turns = messages -%}{%- endif -%}"
    "{%- for message in turns -%}"
    "{%- set role = 'model' if message.role == 'assistant' else message.role -%}"
    "{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') + message.content | trim }}"
    "{{ '<end_of_turn>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)


@dataclass(frozen=True)
class Family:
    """What tells one family's tokenizer from another's."""

    special: tuple[str, ...]
    eos: str
    bos: str | None
    adds_start: bool
    template: str | None
    end_of_turn: str


FAMILIES: Mapping[str, Family] = {
    "qwen3": Family(("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>", None, False, QWEN3, "<|im_end|>"),
    "qwen2.5": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|endoftext|>", None, False, QWEN25, "<|im_end|>"
    ),
    "llama-3.1": Family(
        ("<|end_of_text|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|end_of_text|>",
        "<|begin_of_text|>",
        True,
        LLAMA,
        "<|eot_id|>",
    ),
    "starcoder2": Family(("<|endoftext|>",), "<|endoftext|>", "<|endoftext|>", False, None, "<|endoftext|>"),
    "gemma-3": Family(
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"), "<eos>", "<bos>", True, GEMMA, "<end_of_turn>"
    ),
}


@cache
def _bytes() -> str:
    """A byte-level vocabulary with a few merges, as JSON."""
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    words.train_from_iterator(["write a function that adds two numbers"] * 4, trainer)
    return words.to_str()


def tokenizer_of(name: str) -> Any:
    """A fresh tokenizer of the family."""
    family = FAMILIES[name]
    words = Tokenizer.from_str(_bytes())
    words.add_special_tokens(list(family.special))
    if family.adds_start:
        start = (str(family.bos), words.token_to_id(str(family.bos)))
        words.post_processor = processors.TemplateProcessing(single=f"{start[0]} $A", special_tokens=[start])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=family.eos, bos_token=family.bos, pad_token=family.special[0]
    )
    wrapped.chat_template = family.template
    return wrapped
