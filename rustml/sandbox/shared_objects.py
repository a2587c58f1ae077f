"""The shared libraries that a program needs, so that a sandbox can show it those and no others."""

import subprocess
from pathlib import Path

from rustml.errors import EnvironmentFault

SECONDS = 600.0
"""Wall time of `ldd`, which starts the loader once for each program: a busy machine needs minutes for all."""


def shared_objects(*programs: Path) -> tuple[Path, ...]:
    """The dynamic loader and the libraries that `programs` need, as `ldd` lists them. Raises EnvironmentFault."""
    try:
        listing = subprocess.run(
            ["ldd", *map(str, programs)], capture_output=True, text=True, check=True, timeout=SECONDS
        ).stdout
    except subprocess.TimeoutExpired as error:  # its text names every program
        raise EnvironmentFault(
            f"`ldd` gave no answer about {programs[0]} in {SECONDS:.0f} s: is the machine busy?"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        raise EnvironmentFault(
            f"`ldd` failed on {programs[0]}: {reason}; it belongs to the C library (`apt-get install libc-bin`)"
        ) from error
    libraries: dict[Path, None] = {}
    for line in listing.splitlines():
        path = next((word for word in line.split() if word.startswith("/")), "")
        if path and not path.endswith(":"):  # with a colon it is the heading of the next program
            libraries[Path(path)] = None
    return tuple(libraries)
