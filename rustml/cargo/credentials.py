"""Tokens for registries that ask for a login.

https://doc.rust-lang.org/cargo/reference/registry-authentication.html, provider `cargo:token`: the environment variable
`CARGO_REGISTRIES_NAME_TOKEN`, then `$CARGO_HOME/credentials.toml`, then the configuration files.
"""

import logging
import stat
from pathlib import Path

from rustml.cargo.configuration import ConfigFile, Configuration, Setting, read_toml, toml_file, variable
from rustml.errors import InputError

log = logging.getLogger(__name__)


def token(name: str, configuration: Configuration) -> Setting | None:
    """The token of the registry `name`; None where there is none.

    A file that other users can read is named in a warning. Raises InputError for a token that no header can hold.
    """
    keys = ("registries", name, "token")
    value = _from_variable(keys, configuration) or _from_file(keys, configuration) or configuration.text(*keys)
    if value is not None and not (value.text.isascii() and value.text.isprintable()):
        # The client's own message would quote the header.
        raise InputError(f"{value.where}: the token holds characters that a header cannot hold; copy it again")
    return value


def advice(name: str) -> str:
    """What sets the token of a registry."""
    if not name:
        return "name the registry in Cargo's configuration ([registries.NAME] index = …) and write registry: NAME"
    return f"set {variable('registries', name, 'token')}, or run `cargo login --registry {name}`"


def _from_variable(keys: tuple[str, ...], configuration: Configuration) -> Setting | None:
    text = configuration.environment.get(variable(*keys), "")
    return Setting(text, f"environment variable {variable(*keys)}", configuration.folder) if text else None


def _from_file(keys: tuple[str, ...], configuration: Configuration) -> Setting | None:
    path = toml_file(configuration.home, "credentials")
    if path is None:
        return None
    value = ConfigFile(path, read_toml(path)).text(keys)
    if value is not None and _is_open(path):
        log.warning("%s holds a token and can be read by other users: run `chmod 600 %s`", path, path)
    return value


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
