"""What kind of checkpoint a folder holds: read from a small file beside the weights, or inferred from its files."""

import tempfile
from pathlib import Path
from typing import Any, Literal

import msgspec

from rustml.errors import InputError
from rustml.io import write_bytes
from rustml.records import Record

Kind = Literal["full", "adapter", "sharded", "quantised"]
MANIFEST = "rustml-checkpoint.json"
ADAPTER_CONFIG, CONFIG, INDEX = "adapter_config.json", "config.json", "*.safetensors.index.json"


class Base(Record, frozen=True):
    """The checkpoint that an adapter was trained on."""

    name: str
    """A folder, or the name by which the base was given: a run, `models:/NAME/VERSION`, `OWNER/NAME@COMMIT`."""
    digest: str
    """`rustml.models.checkpoint.digest` of the base; empty where an adapter from a hub does not record one."""


class Manifest(Record, frozen=True, omit_defaults=True):
    """The contents of `rustml-checkpoint.json`."""

    kind: Kind
    """`full`: all weights in one file. `sharded`: all weights in several files and an index. `adapter`: low-rank
    weights on a base. `quantised`: weights in a format that its producer's scheme names."""
    base: Base | None = None
    """Of an adapter."""
    scheme: str = ""
    """Of a quantised checkpoint: producer and format, as in `torchao:fp8_weight_only`."""

    def __post_init__(self) -> None:
        """Raises ValueError for a kind without what it needs."""
        if (self.kind == "adapter") != (self.base is not None):
            raise ValueError("an adapter, and nothing else, names its `base`")
        if (self.kind == "quantised") != bool(self.scheme):
            raise ValueError("a quantised checkpoint, and nothing else, names its `scheme`")


def kind(folder: Path) -> Kind:
    """The kind of the checkpoint in `folder`. Raises InputError as `read` does."""
    return read(folder).kind


def read(folder: Path) -> Manifest:
    """The manifest of the checkpoint in `folder`, inferred where there is none, as in a checkpoint from a hub.

    Raises InputError for a manifest that cannot be read, and for files that show no kind.
    """
    path = _only(folder, MANIFEST)
    if path is None:
        return _inferred(folder)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a checkpoint's manifest: {error}") from error


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest beside the weights in `folder`."""
    write_bytes(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


def view(folder: Path, base: Path, parent: Path) -> Path:
    """A new folder below `parent` with links to the files of the adapter in `folder`; its manifest names `base`.

    Raises InputError as `read` does, and where `folder` holds no adapter.
    """
    described = read(folder)
    if described.base is None:
        raise InputError(f"{folder} holds a checkpoint of kind {described.kind}, which has no base")
    linked = Path(tempfile.mkdtemp(prefix="adapter-", dir=parent))
    for file in folder.rglob("*"):
        if file.is_file() and file.name != MANIFEST:
            (linked / file.name).symlink_to(file.resolve())
    write(linked, Manifest(kind="adapter", base=Base(name=str(base), digest=described.base.digest)))
    return linked


def _inferred(folder: Path) -> Manifest:
    adapter = _only(folder, ADAPTER_CONFIG)
    if adapter is not None:
        return Manifest(kind="adapter", base=Base(name=_base_name(adapter), digest=""))
    config = _only(folder, CONFIG)
    scheme = (json_object(config).get("quantization_config") or {}) if config is not None else {}
    if scheme:
        return Manifest(kind="quantised", scheme=str(scheme.get("quant_method") or "unknown"))
    if _only(folder, INDEX) is not None:
        return Manifest(kind="sharded")
    weights = {path.name for path in folder.rglob("*.safetensors")}
    if len(weights) != 1:
        raise InputError(
            f"{folder}: cannot tell what kind of checkpoint this is: {len(weights)} files *.safetensors, no index of "
            f"shards, no {ADAPTER_CONFIG}, no {MANIFEST}. Give the folder of one checkpoint"
        )
    return Manifest(kind="full")


def _base_name(config: Path) -> str:
    """Name and commit of the base, as an adapter's own configuration gives them."""
    fields = json_object(config)
    name, revision = fields.get("base_model_name_or_path"), fields.get("revision")
    if not name:
        raise InputError(f"{config} does not name the base of the adapter (base_model_name_or_path)")
    return f"{name}@{revision}" if revision else str(name)


def json_object(path: Path) -> dict[str, Any]:
    """What a JSON file says. Raises InputError for one that is not a JSON object."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error


def _only(folder: Path, pattern: str) -> Path | None:
    """The file of this name at any depth: a registry lays out a checkpoint in folders of its own."""
    return min(folder.rglob(pattern), key=lambda path: (len(path.parts), path), default=None)
