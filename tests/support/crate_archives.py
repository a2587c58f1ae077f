"""Crates made on the spot, as files and as archives."""

import gzip
import io
import tarfile
from collections.abc import Mapping

SOURCE = """\
/// Counts how many of the given words are longer than the bound.
pub fn {name}(words: &[&str], bound: usize) -> usize {{
    let mut count = 0;
    for word in words {{
        if word.len() > bound {{
            count += {step};
        }}
    }}
    count
}}

/// Tells whether a number of the kind called {name} is even, by its last bit.
pub fn is_even_{name}(value: u64) -> bool {{
    let last = value & 1;
    let zero = 0;
    last == zero
}}
"""


def manifest(name: str, version: str, licence: str | None = "MIT", extra: str = "") -> str:
    line = f'license = "{licence}"\n' if licence is not None else ""
    return f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{line}{extra}'


def pack(folder: str, files: Mapping[str, bytes | str]) -> bytes:
    """An honest `.crate` archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), compresslevel=1, mtime=0)
