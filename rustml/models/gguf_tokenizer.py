"""The tokenizer of a checkpoint as GGUF metadata: vocabulary, merges, special tokens, template, way of splitting."""

import hashlib
import json
from pathlib import Path
from typing import Any

import gguf

from rustml.errors import InputError
from rustml.models import inspection
from rustml.models.loading import load_tokenizer

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITS = {
    rf"{WORDS}|\p{{N}}|{SIGNS}": "qwen2",
    rf"{WORDS}|\p{{N}}{{1,3}}|{SIGNS}": "llama-bpe",
}
"""Ways of splitting text before byte-level BPE that llama.cpp implements, by the pattern in `tokenizer.json`."""
BYTE_LEVEL = {(): "gpt-2", ("Digits",): "smollm"}
"""The same where `ByteLevel` splits by its own pattern, by what stands before it."""


def add(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    """Add the tokenizer of the checkpoint in `folder` to the file.

    Raises InputError where it is not byte-level BPE or BPE as SentencePiece does it, or splits text in a way that
    llama.cpp does not know.
    """
    check(folder)
    tokenizer = load_tokenizer(folder)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    model = state["model"]
    tokens, types = _vocabulary(tokenizer, model, config["vocab_size"])
    if model.get("byte_fallback"):
        _add_sentencepiece(writer, model, tokens, types)
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_splitting(folder, state))
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    _add_special(writer, folder, tokenizer)
    template = inspection.template_of(folder)
    if template:
        writer.add_chat_template(template)


def check(folder: Path) -> None:
    """Raise InputError where `add` would."""
    state = json.loads(load_tokenizer(folder).backend_tokenizer.to_str())
    if state["model"].get("type") != "BPE":
        raise InputError(f"{folder}: no GGUF of a tokenizer of kind {state['model'].get('type')}")
    if not state["model"].get("byte_fallback"):
        _splitting(folder, state)


def _vocabulary(tokenizer: Any, model: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Tokens by id, and their kinds; ids of the embedding that no token has are unused ones."""
    named = {index: token for token, index in model["vocab"].items()}
    added = tokenizer.added_tokens_decoder
    tokens, types = [], []
    for index in range(size):
        if index in added:
            tokens.append(added[index].content)
            types.append(gguf.TokenType.CONTROL if added[index].special else gguf.TokenType.USER_DEFINED)
        elif index in named:
            is_byte = model.get("byte_fallback") and len(named[index]) == 6 and named[index].startswith("<0x")
            tokens.append(named[index])
            types.append(gguf.TokenType.BYTE if is_byte else gguf.TokenType.NORMAL)
        else:
            tokens.append(f"[PAD{index}]")
            types.append(gguf.TokenType.UNUSED)
    return tokens, [int(kind) for kind in types]


def _add_sentencepiece(writer: gguf.GGUFWriter, model: dict[str, Any], tokens: list[str], types: list[int]) -> None:
    """BPE with a byte for what it does not know, as of Gemma: llama.cpp joins by score, the earliest merge first."""
    ranks = {
        "".join(merge.split(" ") if isinstance(merge, str) else merge): n for n, merge in enumerate(model["merges"])
    }
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([token.encode() for token in tokens])
    writer.add_token_scores([-float(ranks.get(token, len(ranks))) for token in tokens])
    writer.add_token_types(types)
    writer.add_add_space_prefix(False)


def _splitting(folder: Path, state: dict[str, Any]) -> str:
    """llama.cpp's name of the way in which the tokenizer splits text. Raises InputError where it has none."""
    steps = state.get("pre_tokenizer") or {}
    *first, last = steps.get("pretokenizers") or [steps]
    kinds = tuple(part.get("type") for part in first)
    if last.get("type") == "ByteLevel" and not last.get("add_prefix_space"):
        if last.get("use_regex", True) and kinds in BYTE_LEVEL and all(part["individual_digits"] for part in first):
            return BYTE_LEVEL[kinds]
        if not last.get("use_regex", True) and kinds == ("Split",) and first[0]["behavior"] == "Isolated":
            pattern = first[0]["pattern"].get("Regex", "")
            if pattern in SPLITS:
                return SPLITS[pattern]
    digest = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()[:12]
    raise InputError(
        f"{folder}/tokenizer.json splits text in a way that llama.cpp does not know (pre-tokenizer {digest}): a GGUF "
        "file of it would answer wrongly"
    )


def _add_special(writer: gguf.GGUFWriter, folder: Path, tokenizer: Any) -> None:
    """Start, end and padding; the generation configuration has the ends that stop an answer, the turn's end first."""
    path = folder / "generation_config.json"
    stated = json.loads(path.read_bytes()).get("eos_token_id") if path.is_file() else None
    ends = stated if isinstance(stated, list) else [stated] if stated is not None else []
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else (ends[0] if ends else None)
    if end is not None:
        writer.add_eos_token_id(end)
    others = [token for token in ends if token != end]
    if others:
        writer.add_eot_token_id(others[0])
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(tokenizer.pad_token_id)
    starts = tokenizer.bos_token_id is not None and tokenizer.encode("x")[:1] == [tokenizer.bos_token_id]
    writer.add_add_bos_token(starts)
