"""What a folder with a checkpoint holds, read from its small files and headers: nothing is loaded, nothing is run."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rustml.errors import InputError
from rustml.models import manifest, tensor_files
from rustml.models.digest import TEMPLATE, digest
from rustml.records import Record

TRAINER_STATE = "trainer_state.json"
STATE_FIELDS = ("global_step", "max_steps", "epoch", "best_metric", "best_model_checkpoint", "train_batch_size")
ADAPTER_FIELDS = ("peft_type", "r", "lora_alpha", "lora_dropout", "target_modules", "use_dora", "use_rslora", "bias")
PICKLES = (".bin", ".pt", ".pth", ".pkl")
"""Endings of files that run code when they are loaded; they are listed and never opened."""


class Inspection(Record, frozen=True):
    """A checkpoint as `inspect` shows it."""

    folder: str
    kind: str
    scheme: str
    base: str
    """Of an adapter: how its base is named."""
    base_digest: str
    digest: str
    """See rustml.models.checkpoint; of an adapter without a known base, empty."""
    files: dict[str, int]
    """Bytes by relative path."""
    tensors: int
    parameters: int
    """Elements of all tensors, scales of a quantised checkpoint among them."""
    dtypes: dict[str, int]
    """Tensors by dtype."""
    architecture: str
    adapter: dict[str, Any]
    """Adapter configuration; empty of other kinds."""
    trainer: dict[str, Any]
    """State of the trainer that saved it: `global_step` and so on; empty where there is none."""
    template: str
    """Chat template; empty where there is none."""
    pickles: tuple[str, ...]
    """Files that would run code if they were loaded; rustml never loads them."""


def inspect(folder: Path) -> Inspection:
    """Read the checkpoint in `folder`.

    Raises InputError for a folder without one, and for a damaged file.
    """
    described, stored = manifest.read(folder), tensor_files.tensors(folder)
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return Inspection(
        folder=str(folder),
        kind=described.kind,
        scheme=described.scheme,
        base=described.base.name if described.base else "",
        base_digest=described.base.digest if described.base else "",
        digest=_digest(folder),
        files=dict(sorted(files.items())),
        tensors=len(stored),
        parameters=sum(_elements(tensor.shape) for tensor in stored),
        dtypes=dict(sorted(Counter(tensor.dtype for tensor in stored).items())),
        architecture=", ".join(_json(folder, manifest.CONFIG).get("architectures") or ()),
        adapter=_chosen(_json(folder, manifest.ADAPTER_CONFIG), ADAPTER_FIELDS),
        trainer=_chosen(_json(folder, TRAINER_STATE), STATE_FIELDS),
        template=template_of(folder),
        pickles=tuple(sorted(name for name in files if name.endswith(PICKLES))),
    )


def lines(inspection: Inspection) -> list[str]:
    """The inspection for people."""
    rows = [
        ("folder", inspection.folder),
        ("kind", " ".join(filter(None, (inspection.kind, inspection.scheme)))),
        ("base", " ".join(filter(None, (inspection.base, inspection.base_digest[:12])))),
        ("digest", inspection.digest),
        ("model", inspection.architecture),
        ("tensors", f"{inspection.tensors} with {inspection.parameters} elements"),
        ("dtypes", ", ".join(f"{dtype}: {count}" for dtype, count in inspection.dtypes.items())),
        *(("adapter", f"{name} = {value}") for name, value in inspection.adapter.items()),
        *(("trainer", f"{name} = {value}") for name, value in inspection.trainer.items()),
        *(("file", f"{size:>14,}  {name}") for name, size in inspection.files.items()),
        *(("never loaded", name) for name in inspection.pickles),
        ("template", f"{len(inspection.template)} characters" if inspection.template else "none"),
    ]
    text = [f"{name:>12}  {value}" for name, value in rows if value]
    return [*text, *(f"              {line}" for line in inspection.template.splitlines())]


def _digest(folder: Path) -> str:
    try:
        return digest(folder)
    except InputError:  # an adapter from a hub, whose base is not here
        return ""


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _json(folder: Path, name: str) -> dict[str, Any]:
    path = min(folder.rglob(name), default=None)
    return {} if path is None else manifest.json_object(path)


def _chosen(fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: fields[name] for name in names if fields.get(name) is not None}


def template_of(folder: Path) -> str:
    """The chat template of the checkpoint in `folder`; empty where there is none."""
    for name in TEMPLATE:
        for path in sorted(folder.rglob(name)):
            text = path.read_text(encoding="utf-8")
            return text if path.suffix == ".jinja" else str(json.loads(text).get("chat_template", ""))
    template = _json(folder, "tokenizer_config.json").get("chat_template")
    return template if isinstance(template, str) else ""
