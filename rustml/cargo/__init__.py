"""What the user has told Cargo: registries, replaced sources, tokens, and how the network is reached."""

from rustml.cargo.registry import CRATES_IO, DirectorySource, LocalRegistry, Registry, SparseRegistry, resolve

__all__ = ["CRATES_IO", "DirectorySource", "LocalRegistry", "Registry", "SparseRegistry", "resolve"]
