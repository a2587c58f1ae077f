"""The chat template of a checkpoint that was fetched: as it came, or as the profile wants it."""

from pathlib import Path

from rustml import chat
from rustml.io import write_bytes
from rustml.models.loading import load_tokenizer
from rustml.profile.chat import ChatSection

TEMPLATE = "chat_template.jinja"


def apply(folder: Path, settings: ChatSection) -> str:
    """Write the template that `settings` makes of the checkpoint's own beside its weights; return its digest.

    All later stages, and servers of what they train, read it there. A template that stays as it was is not written.
    Raises InputError where the settings do not fit the tokenizer.
    """
    tokenizer = load_tokenizer(folder)
    before = tokenizer.chat_template
    if chat.prepare(tokenizer, settings).chat_template != before:
        write_bytes(folder / TEMPLATE, tokenizer.chat_template.encode())
    return chat.digest(tokenizer)
