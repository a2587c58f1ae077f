"""A checkpoint: its kind, its digest, and the one way to load and to save it.

    model = checkpoint.load_model(folder, dtype="bfloat16", attention="sdpa")
    tokenizer = checkpoint.load_tokenizer(folder)
    checkpoint.save(model, tokenizer, folder, kind="adapter", base=Base(name=..., digest=checkpoint.digest(base)))

Importing this loads neither torch nor transformers.
"""

from rustml.models.digest import digest, files
from rustml.models.loading import load_model, load_tokenizer
from rustml.models.manifest import MANIFEST, Base, Kind, Manifest, kind, read, view
from rustml.models.saving import save

__all__ = [
    "MANIFEST",
    "Base",
    "Kind",
    "Manifest",
    "digest",
    "files",
    "kind",
    "load_model",
    "load_tokenizer",
    "read",
    "save",
    "view",
]
