"""Cargo's configuration, searched for and unified as Cargo does it.

https://doc.rust-lang.org/cargo/reference/config.html: `.cargo/config.toml` of the working folder and of each folder
above it, then `$CARGO_HOME/config.toml`. The nearer file decides, key by key, and an environment variable decides over
every file. A file that another one names under `include` comes directly after it.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rustml.errors import InputError

Tree = dict[str, Any]
WITHOUT_VARIABLE = frozenset({"source", "include"})
"""Tables for which Cargo reads no environment variables."""
DEPTH = 16
"""Files that may include each other in a row; more is taken for a circle."""


@dataclass(frozen=True)
class Setting:
    """The text of one key. It may be a secret: it is not shown, and messages name `where` instead."""

    text: str = field(repr=False)
    where: str
    """The file and its key, or the environment variable."""
    base: Path
    """The folder from which a relative path is read."""

    @property
    def path(self) -> Path:
        """The text as a path."""
        return self.base / self.text


@dataclass(frozen=True)
class ConfigFile:
    """One configuration file."""

    path: Path
    tree: Tree = field(repr=False)

    def text(self, keys: tuple[str, ...]) -> Setting | None:
        """The value of a dotted key; a whole number is given as its digits. Raises InputError for any other kind."""
        node: object = self.tree
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        if node is None:
            return None
        where = f"{self.path}: {'.'.join(keys)}"
        if isinstance(node, bool) or not isinstance(node, str | int):
            raise InputError(
                f"{where}: a text is expected, as in https://doc.rust-lang.org/cargo/reference/config.html"
            )
        return Setting(str(node), where, self.path.parent.parent)


@dataclass(frozen=True)
class Configuration:
    """The files in order of precedence, and the environment that decides over them."""

    files: tuple[ConfigFile, ...]
    environment: Mapping[str, str] = field(repr=False)
    home: Path
    """`$CARGO_HOME`."""
    folder: Path
    """The working folder."""

    def text(self, *keys: str) -> Setting | None:
        """The value of a key, such as `text("http", "proxy")`; None where nothing sets it."""
        return self._variable(keys) or next(filter(None, (file.text(keys) for file in self.files)), None)

    def names(self, table: str) -> list[str]:
        """The names of the tables below `table` in any file, such as those of all `[registries.NAME]`."""
        tables = (file.tree.get(table) for file in self.files)
        return sorted(
            {name for tree in tables if isinstance(tree, dict) for name in tree if isinstance(tree[name], dict)}
        )

    def _variable(self, keys: tuple[str, ...]) -> Setting | None:
        if keys[0] in WITHOUT_VARIABLE:
            return None
        name = variable(*keys)
        text = self.environment.get(name, "")
        return Setting(text, f"environment variable {name}", self.folder) if text else None


def variable(*keys: str) -> str:
    """The environment variable of a key: `registries.my-mirror.index` is `CARGO_REGISTRIES_MY_MIRROR_INDEX`."""
    return re.sub(r"[-.]", "_", f"CARGO.{'.'.join(keys)}").upper()


def load(folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Configuration:
    """The configuration that Cargo would use in `folder`, by default the working folder.

    Raises InputError for a file that cannot be read.
    """
    folder = (folder or Path.cwd()).resolve()
    environment = os.environ if environment is None else environment
    home = Path(environment.get("CARGO_HOME") or Path(environment.get("HOME") or Path.home()) / ".cargo")
    home = folder / home
    folders = dict.fromkeys([*(above / ".cargo" for above in (folder, *folder.parents)), home])
    paths = filter(None, (toml_file(place, "config") for place in folders))
    return Configuration(
        tuple(file for path in paths for file in _with_included(path, DEPTH)), environment, home, folder
    )


def toml_file(folder: Path, name: str) -> Path | None:
    """`NAME` or `NAME.toml` in a folder, the old form first as in Cargo; None where there is neither."""
    return next((path for path in (folder / name, folder / f"{name}.toml") if path.is_file()), None)


def read_toml(path: Path) -> Tree:
    """The content of a TOML file. Raises InputError, whose text holds nothing of the content."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: Cargo's settings cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        what = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        raise InputError(f"{path}: Cargo's settings are not TOML: {what}") from None


def _with_included(path: Path, depth: int) -> Iterator[ConfigFile]:
    """A file, then those that it includes: the last of them decides over the ones before it."""
    if depth == 0:
        raise InputError(f"{path}: include: the files include each other in a circle, or more than {DEPTH} in a row")
    tree = read_toml(path)
    yield ConfigFile(path, tree)
    for included in reversed(list(_included(path, tree))):
        yield from _with_included(included, depth - 1)


def _included(path: Path, tree: Tree) -> Iterator[Path]:
    entries = tree.get("include", [])
    tables = [entry if isinstance(entry, dict) else {"path": entry} for entry in _as_list(entries)]
    for table in tables:
        if not isinstance(table.get("path"), str):
            raise InputError(f"{path}: include: a list of paths is expected")
        included = path.parent / table["path"]
        if included.is_file() or not table.get("optional"):
            yield included


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
