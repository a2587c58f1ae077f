"""The digest of a checkpoint: which model an evaluation, a decision and a registered version mean."""

import hashlib
import json
from pathlib import Path

from rustml.errors import InputError
from rustml.io import file_sha256
from rustml.models import manifest

WEIGHTS = ("*.safetensors",)
CONFIGURATION = ("config.json", "generation_config.json", "adapter_config.json", "*.safetensors.index.json")
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
TEMPLATE = ("chat_template.jinja", "chat_template.json")
BASE_NAMES = ("base_model_name_or_path", "revision")
"""Keys of an adapter's configuration that name its base: a run or a version, which another machine names otherwise."""
COVERED = (*WEIGHTS, *CONFIGURATION, *TOKENIZER, *TEMPLATE)
"""What decides the answers. Notes, optimizer state and training arguments do not."""


def digest(folder: Path) -> str:
    """SHA-256, in hex, of the names and bytes of a checkpoint's files at any depth below `folder`.

    A registry's copy with another folder layout has the same digest. The digest of an adapter covers the digest of its
    base in place of the name by which the base is known. Raises InputError when `folder` holds no safetensors, two
    different files of one name, or an adapter whose base is known neither by a digest nor as a folder.
    """
    contents: dict[str, str] = {}
    for path in files(folder):
        content = _unnamed_sha256(path) if path.name == manifest.ADAPTER_CONFIG else file_sha256(path)
        if contents.setdefault(path.name, content) != content:
            raise InputError(f"{folder} holds different files named {path.name}: give the folder of one checkpoint")
    if manifest.ADAPTER_CONFIG in contents:
        contents["base"] = _base_digest(folder)
    lines = "".join(f"{name}\0{content}\n" for name, content in sorted(contents.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def files(folder: Path) -> list[Path]:
    """The files that the digest covers. Raises InputError when there are no weights among them."""
    if not any(path for pattern in WEIGHTS for path in folder.rglob(pattern)):
        raise InputError(f"{folder} holds no checkpoint: there is no *.safetensors below it")
    return sorted({path for pattern in COVERED for path in folder.rglob(pattern) if path.is_file()})


def _unnamed_sha256(config: Path) -> str:
    """Digest of an adapter's configuration without the names of its base; of a file that is not JSON, of its bytes."""
    try:
        fields = json.loads(config.read_bytes())
    except ValueError:
        return file_sha256(config)
    settings = {name: value for name, value in fields.items() if name not in BASE_NAMES}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _base_digest(folder: Path) -> str:
    base = manifest.read(folder).base
    if base is None:
        raise InputError(f"{folder} holds {manifest.ADAPTER_CONFIG}, but {manifest.MANIFEST} names no base")
    if base.digest:
        return base.digest
    if not Path(base.name).is_dir():
        raise InputError(
            f"{folder} is an adapter on {base.name} and records no digest of it: fetch that base, and write "
            f"{manifest.MANIFEST} with its folder and digest, or merge the adapter into it"
        )
    return digest(Path(base.name))
