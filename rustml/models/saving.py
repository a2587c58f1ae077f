"""The one place that writes checkpoints: whole or not at all, in shards that a tracking server takes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from rustml import chat
from rustml.errors import InputError
from rustml.io import whole_folder
from rustml.models import manifest
from rustml.models.manifest import Base, Manifest

MAX_SHARD_SIZE = "450MB"
"""A tracking server takes each file in one request, and such requests time out from about 500 MB."""


def save(
    model: Any,
    tokenizer: Any,
    folder: Path,
    *,
    kind: Literal["full", "adapter", "quantised"] = "full",
    base: Base | None = None,
    scheme: str = "",
    state_dict: Mapping[str, Any] | None = None,
) -> None:
    """Write weights (safetensors), configuration, tokenizer and manifest into `folder`, in place of what was there.

    The generation configuration ends answers where training does: at the template's end of turn too.
    A full checkpoint of several shards becomes kind `sharded`. An adapter needs its `base`, a quantised checkpoint its
    `scheme`. `state_dict` replaces the model's own, as where it was gathered from several processes. Raises InputError
    for a kind without what it needs.
    """
    _check(kind, base, scheme)
    ends = chat.end_ids(tokenizer)
    if ends:
        model.generation_config.eos_token_id = ends if len(ends) > 1 else ends[0]
    state = {} if state_dict is None else {"state_dict": state_dict}
    with whole_folder(folder) as partial:
        model.save_pretrained(str(partial), max_shard_size=MAX_SHARD_SIZE, **state)
        tokenizer.save_pretrained(str(partial))
        if base is not None:
            model.generation_config.save_pretrained(str(partial))
            _name_base(partial / manifest.ADAPTER_CONFIG, base)
        sharded = kind == "full" and any(partial.glob(manifest.INDEX))
        manifest.write(partial, Manifest(kind="sharded" if sharded else kind, base=base, scheme=scheme))


def _name_base(config: Path, base: Base) -> None:
    """peft itself writes the path from which the base was loaded, which may be a download of this machine.

    It also writes the set of target modules in the order of this process.
    """
    fields = json.loads(config.read_text(encoding="utf-8"))
    modules = fields["target_modules"]
    ordered = sorted(modules) if isinstance(modules, list) else modules
    named = {**fields, "base_model_name_or_path": base.name, "target_modules": ordered}
    config.write_text(json.dumps(named, indent=2), encoding="utf-8")


def _check(kind: manifest.Kind, base: Base | None, scheme: str) -> None:
    try:
        Manifest(kind=kind, base=base, scheme=scheme)
    except ValueError as error:
        raise InputError(f"cannot save a checkpoint of kind {kind}: {error}") from error
