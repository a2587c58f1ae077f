"""A checkpoint as others load it: adapters merged, shards consolidated, tokenizer and template byte for byte."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from rustml.errors import EnvironmentFault
from rustml.io import write_bytes
from rustml.models import manifest, tensor_files
from rustml.models.digest import CONFIGURATION, TEMPLATE, TOKENIZER
from rustml.models.manifest import Manifest

SHARD_BYTES = 4_900_000_000
"""Data of one file: hubs ask for files below 5 GB, and the header comes on top."""
SPARE_BYTES = 64 << 20
"""Free space asked for besides the weights: tokenizer, card, headers."""


def write_checkpoint(source: Path, out: Path, scratch: Path, shard_bytes: int = SHARD_BYTES) -> dict[str, float]:
    """Write the checkpoint `source` into the folder `out`, which exists.

    An adapter is merged into its base in `scratch`; of all other kinds every tensor keeps its bytes, in files of at
    most `shard_bytes` of data. Returns sizes in bytes (`bytes`), the number of files of weights (`shards`) and, of an
    adapter, what merging changed (`merge.difference`, `merge.divergence`; see rustml.models.merge). Raises InputError
    for a damaged file and for a base that is missing or another one, RustmlError where merging changes the logits.
    """
    described, change = manifest.read(source), {}
    weights = source
    tensor_files.tensors(source)
    if described.base is not None:
        from rustml.models.merge import merge  # noqa: PLC0415  torch takes seconds to load

        weights = scratch / "merged"
        change = merge(source, weights)
    stored = tensor_files.tensors(weights)
    files = tensor_files.write_shards(stored, out, shard_bytes, tensor_files.metadata(weights))
    copy_named(weights, out, [name for name in CONFIGURATION if "index" not in name and "adapter" not in name])
    copy_named(source, out, [*TOKENIZER, *TEMPLATE])
    kind: manifest.Kind = "quantised" if described.kind == "quantised" else "sharded" if len(files) > 1 else "full"
    manifest.write(out, Manifest(kind=kind, scheme=described.scheme))
    sizes = {"bytes": float(sum(file.stat().st_size for file in files)), "shards": float(len(files))}
    return {**sizes, **{f"merge.{name}": value for name, value in change.items()}}


def bytes_needed(source: Path, further: Sequence[float] = ()) -> int:
    """Free space in bytes that exporting `source` takes; of an adapter, the merged copy counts beside the export.

    `further` are files to be made of it, as shares of its size; the largest counts twice, since it is gathered first.

    Raises InputError where the base of an adapter is missing or another one.
    """
    from rustml.models.loading import root_of  # noqa: PLC0415  kept out of what starts light

    adapter = manifest.read(source).base is not None
    weights = sum(file.stat().st_size for file in tensor_files.shards(root_of(source)))
    copies = (2 if adapter else 1) + sum(further) + max(further, default=0)
    return int(weights * copies) + SPARE_BYTES


def check_space(folder: Path, needed: int) -> None:
    """Raise EnvironmentFault where the disk of `folder`, which exists, has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"only {free >> 20} MiB free in {folder}, and {needed >> 20} MiB are needed: free some space, or name "
            "another folder"
        )


def copy_named(source: Path, out: Path, names: list[str]) -> None:
    """Copy the files of these names, wherever they lie below `source`, byte for byte."""
    for name in names:
        for path in sorted(source.rglob(name)):
            write_bytes(out / name, path.read_bytes())
