"""Cargo's settings in a folder of the test's own: no file and no variable of this machine is read."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rustml.cargo.configuration import Configuration, load

Settings = Callable[..., Configuration]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`$CARGO_HOME`."""
    folder = tmp_path / "user" / ".cargo"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def settings(tmp_path: Path, home: Path) -> Settings:
    """`settings({"project/.cargo/config.toml": "…"}, CARGO_HTTP_PROXY="…")`, as seen from `project/crate`."""

    def make(files: Mapping[str, str] | str = "", **variables: str) -> Configuration:
        for path, text in ({"user/.cargo/config.toml": files} if isinstance(files, str) else files).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        folder = tmp_path / "project" / "crate"
        folder.mkdir(parents=True, exist_ok=True)
        return load(folder, {"CARGO_HOME": str(home), "HOME": str(tmp_path / "user"), "PATH": ""} | variables)

    return make
