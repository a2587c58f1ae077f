"""Warnings of libraries whose versions are pinned, about each other: no test is about them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

LIBRARY_WARNINGS = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning", "ignore::ResourceWarning"
)


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Within it, imports warn of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
