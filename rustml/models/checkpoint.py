"""The digest of a checkpoint: which weights an evaluation, a decision and a registered version speak of."""

import hashlib
from pathlib import Path

from rustml.errors import InputError

WEIGHTS = ("*.safetensors",)
BEHAVIOUR = ("config.json", "*.safetensors.index.json", "tokenizer.json", "chat_template.jinja")
"""Beside the weights, what decides the answers. Notes, optimizer state and training arguments do not."""


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of a checkpoint's files, wherever below `folder` they lie.

    A registry's copy with another folder layout has the same digest. Raises InputError when `folder` holds no
    safetensors, or two different files of one name: then it is not one checkpoint.
    """
    found: dict[str, str] = {}
    for path in files(folder):
        content = _sha256(path)
        if found.setdefault(path.name, content) != content:
            raise InputError(f"{folder} holds different files named {path.name}: give the folder of one checkpoint")
    lines = "".join(f"{name}\0{content}\n" for name, content in sorted(found.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def files(folder: Path) -> list[Path]:
    """The files that the digest covers. Raises InputError when there are no weights among them."""
    if not any(path for pattern in WEIGHTS for path in folder.rglob(pattern)):
        raise InputError(f"{folder} holds no checkpoint: no *.safetensors below it")
    return sorted({path for pattern in (*WEIGHTS, *BEHAVIOUR) for path in folder.rglob(pattern) if path.is_file()})


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
