"""How Cargo reaches the network: `[http]` of its configuration, and the variables that stand for it.

https://doc.rust-lang.org/cargo/reference/config.html#http. Where nothing is set, the client's own rules hold, which
read the usual variables (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`).
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rustml.cargo.configuration import Configuration, Setting
from rustml.errors import InputError

PROXY_SCHEMES = frozenset({"http", "https"})
CURL_PROXY_PORT = 1080
"""The port of a proxy that names none, as in libcurl."""


@dataclass(frozen=True)
class HttpSettings:
    """What a client has to know to reach a registry as Cargo does."""

    proxy: str = field(default="", repr=False)
    """Address of the proxy, which may hold a password; empty for the rules of the environment."""
    direct: tuple[str, ...] = ()
    """Hosts that are reached without that proxy (`NO_PROXY`)."""
    cainfo: Path | None = None
    """File with the certificates of the authorities that are trusted."""
    timeout: float | None = None
    """Seconds."""


def http_settings(configuration: Configuration) -> HttpSettings:
    """Read the settings. Raises InputError for one that cannot be used. An empty proxy is none, whatever git names."""
    proxy = configuration.text("http", "proxy") or _git_proxy(configuration)
    timeout = configuration.text("http", "timeout")
    cainfo = configuration.text("http", "cainfo")
    if cainfo is not None and not cainfo.path.is_file():
        raise InputError(f"{cainfo.where}: there is no file {cainfo.path}")
    return HttpSettings(
        proxy=_proxy(proxy) if proxy and proxy.text else "",
        direct=_direct(configuration.environment),
        cainfo=cainfo.path if cainfo else None,
        timeout=_seconds(timeout) if timeout else None,
    )


def _git_proxy(configuration: Configuration) -> Setting | None:
    """`http.proxy` of git's own configuration, which Cargo reads after its own."""
    command = ["git", "config", "--global", "--get", "http.proxy"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=dict(configuration.environment), timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = done.stdout.strip() if done.returncode == 0 else ""
    return Setting(text, "http.proxy of git's configuration", configuration.folder) if text else None


def _proxy(setting: Setting) -> str:
    """The address with its scheme and port, in libcurl's form `[scheme://][user:password@]host[:port]`."""
    address = setting.text if "://" in setting.text else f"http://{setting.text}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname:
        raise InputError(f"{setting.where}: not the address of an HTTP proxy; write http://host:port")
    return address.rstrip("/") if port else f"{parts.scheme}://{parts.netloc.rstrip(':')}:{CURL_PROXY_PORT}"


def _direct(environment: Mapping[str, str]) -> tuple[str, ...]:
    text = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return tuple(host.strip().lstrip(".") for host in text.split(",") if host.strip())


def _seconds(setting: Setting) -> float:
    if not (setting.text.isascii() and setting.text.isdigit()) or int(setting.text) == 0:
        raise InputError(f"{setting.where}: a number of seconds above 0 is expected")
    return float(setting.text)
