"""A checkpoint's weights in files that a tracking server and the proxies before it take."""

import shutil
from pathlib import Path

from rustml.io import whole_folder
from rustml.models import manifest, tensor_files
from rustml.models.manifest import Manifest


def limit_shards(folder: Path, limit: int) -> None:
    """Write the checkpoint in `folder` anew, byte for byte in smaller shards, where a file is larger than `limit`.

    A tensor is never cut: a larger one has a file of its own. An adapter, which loaders read from one file, and a
    folder without weights stay as they are. Raises InputError for a damaged file.
    """
    files = tensor_files.shards(folder)
    if all(file.stat().st_size <= limit for file in files):
        return
    described = manifest.read(folder)
    if described.kind == "adapter":
        return
    with whole_folder(folder) as smaller:
        stored = tensor_files.tensors(folder)
        header = max(file.stat().st_size - sum(t.size for t in tensor_files.tensors_of(file)) for file in files)
        written = tensor_files.write_shards(stored, smaller, max(1, limit - header), tensor_files.metadata(folder))
        _copy_others(folder, smaller)
        if described.kind == "full" and len(written) > 1:
            manifest.write(smaller, Manifest(kind="sharded"))


def _copy_others(folder: Path, out: Path) -> None:
    """All files but the weights and their index."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.match("*.safetensors") and not path.match(manifest.INDEX):
            target = out / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
