"""A sparse registry on loopback that serves crates as crates.io does: index, dependencies, checksums, archives."""

import hashlib
import json
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.crate_archives import pack
from tests.support.loopback_http import Handler

KINDS = {"dependencies": "normal", "build-dependencies": "build", "dev-dependencies": "dev"}
LEFT_OUT = {".cargo-checksum.json", ".cargo-ok"}
Reply = tuple[int, bytes]


class CrateRegistry:
    """Serves what `add` and `add_source` were given, at `url`; `trouble` says what goes wrong, by path."""

    def __init__(self) -> None:
        self.index: dict[str, list[dict[str, object]]] = {}
        self.archives: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.trouble: dict[str, Callable[[Reply], Reply]] = {}
        self.token = ""
        """What every request has to bring, where it is set."""
        registry = self

        class Server(Handler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                refused = registry.token and self.headers.get("authorization") != registry.token
                status, body = (401, b"login") if refused else registry.reply(self.path)
                self.reply(status, body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
        self._server.daemon_threads = True
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self.host}/index/"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> "CrateRegistry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Refuse every connection from now on."""
        self._server.shutdown()
        self._server.server_close()

    def add(self, files: Mapping[str, bytes | str], *, yanked: bool = False, checksum: str = "") -> str:
        """Publish a crate; returns its archive's SHA-256. `checksum` is what the index says instead of that."""
        text = files["Cargo.toml"]
        manifest = tomllib.loads(text if isinstance(text, str) else text.decode())
        name, version = manifest["package"]["name"], manifest["package"]["version"]
        archive = pack(f"{name}-{version}", files)
        digest = hashlib.sha256(archive).hexdigest()
        line = {
            "name": name,
            "vers": version,
            "deps": list(_dependencies(manifest)),
            "cksum": checksum or digest,
            "features": {},
            "features2": manifest.get("features", {}),
            "yanked": yanked,
            "links": manifest["package"].get("links"),
            "v": 2,
        }
        self.index.setdefault(f"/index/{index_path(name)}", []).append(line)
        self.archives[archive_path(name, version)] = archive
        return digest

    def add_source(self, source: Path) -> dict[str, str]:
        """Publish every crate of a Cargo directory source; their archives' SHA-256 by folder name."""
        return {
            folder.name: self.add(crate_files(folder))
            for folder in sorted(source.iterdir())
            if (folder / "Cargo.toml").is_file()
        }

    def reply(self, path: str) -> Reply:
        """What is answered to a request for a path."""
        self.requests.append(path)
        spoil = self.trouble.get(path, lambda reply: reply)
        if path == "/index/config.json":
            login = {"auth-required": True} if self.token else {}
            return spoil((200, json.dumps({"dl": f"{self.host}/dl", **login}).encode()))
        if path in self.index:
            return spoil((200, b"".join(json.dumps(line).encode() + b"\n" for line in self.index[path])))
        if path in self.archives:
            return spoil((200, self.archives[path]))
        return spoil((404, b"no such thing"))


def index_path(name: str) -> str:
    """Path of a crate's index file, below the index."""
    lower = name.lower()
    prefix = {1: "1", 2: "2", 3: f"3/{lower[0]}"}.get(len(lower), f"{lower[:2]}/{lower[2:4]}")
    return f"{prefix}/{lower}"


def archive_path(name: str, version: str) -> str:
    """Path of a crate's archive."""
    return f"/dl/{name}/{version}/download"


def crate_files(folder: Path) -> dict[str, bytes]:
    """What a crate's archive holds, of a folder in a directory source."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in LEFT_OUT)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _dependencies(manifest: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """The dependencies as an index line has them."""
    for target, tables in [(None, manifest), *manifest.get("target", {}).items()]:
        for key, kind in KINDS.items():
            for name, wanted in tables.get(key, {}).items():
                table = {"version": wanted} if isinstance(wanted, str) else wanted
                yield {
                    "name": name,
                    "req": table.get("version", "*"),
                    "features": table.get("features", []),
                    "optional": table.get("optional", False),
                    "default_features": table.get("default-features", True),
                    "target": target,
                    "kind": kind,
                    "package": table.get("package"),
                }
