"""The tokens that end an answer; every engine that holds a model reads them here, so that all stop alike."""

import json
from pathlib import Path
from typing import Any

from rustml import chat
from rustml.errors import InputError


def end_tokens(tokenizer: Any, folder: Path) -> list[int]:
    """Ids that end an answer: the template's end of turn, the tokenizer's end of text, and the checkpoint's.

    Raises InputError when there is none.
    """
    ends: set[int | None] = {*chat.end_ids(tokenizer)}
    for path in (folder / "generation_config.json", folder / "config.json"):
        configured = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.exists() else None
        ends |= set(configured) if isinstance(configured, list) else {configured}
    known = sorted(end for end in ends if end is not None)
    if not known:
        raise InputError(f"{folder} names no end of text (eos_token), so no answer would ever end")
    return known
