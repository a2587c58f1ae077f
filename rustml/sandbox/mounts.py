"""What a sandboxed command sees of the file system."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Mounts:
    """Host path → path inside. Nothing else of the machine is there, and what is not in `write` is read-only."""

    read: Mapping[Path, str] = field(default_factory=dict)
    """In this order: a later path may lie inside an earlier one."""
    write: Mapping[Path, str] = field(default_factory=dict)
    work: str = "/"
    """The folder inside in which the command starts."""
    tmp_mb: int = 0
    """Size of a private, writable /tmp, MiB; 0 for an empty, read-only folder to mount something on."""
    devices: bool = False
    """Whether /dev holds the harmless devices (null, zero, random, ...), not /dev/null alone."""
    may_mount: bool = False
    """Whether the first process may mount file systems inside: the judge's supervisors give each candidate a /tmp."""
