"""As much of the Hugging Face hub as it takes to make a repository and to commit to it, on loopback and in memory."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pytest

from tests.support.loopback_http import JSON, Handler, listening

LARGE = (".safetensors", ".gguf")


@dataclass
class Repository:
    """Main branch of a repository."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.safetensors filter=lfs\n"})
    commits: int = 1

    @property
    def head(self) -> str:
        return f"{self.commits:040x}"


@dataclass
class UploadHub:
    """What the hub holds, and what it was sent."""

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    """SHA-256 of each large file whose bytes arrived."""
    requests: int = 0
    tokens: set[str] = field(default_factory=set)
    refuse_puts_after: int = 1000
    damage: bool = False
    """Whether it stores other bytes than it was sent."""
    lock: Lock = field(default_factory=Lock)

    def listing(self, name: str) -> list[dict[str, Any]]:
        return [self._entry(path, data) for path, data in sorted(self.repositories[name].files.items())]

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob}
        if path.endswith(LARGE):
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return entry

    def commit(self, name: str, lines: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        repository = self.repositories[name]
        header, *operations = lines
        if header["value"].get("parentCommit", repository.head) != repository.head:
            return 412, {"error": "the branch moved"}
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                repository.files[value["path"]] = self.blobs[value["oid"]] + (b"!" if self.damage else b"")
            else:
                del repository.files[value["path"]]
        repository.commits += 1
        return 200, {"commitUrl": f"{self.endpoint}/{name}/commit/{repository.head}", "commitOid": repository.head}

    def batch(self, objects: list[dict[str, Any]]) -> dict[str, Any]:
        def upload(oid: str) -> dict[str, Any]:
            return {"actions": {"upload": {"href": f"{self.endpoint}/blobs/{oid}?Signature=secret-signature"}}}

        return {"objects": [{**o, **({} if o["oid"] in self.blobs else upload(o["oid"]))} for o in objects]}

    def put(self, oid: str, data: bytes) -> int:
        if len(self.puts) >= self.refuse_puts_after or hashlib.sha256(data).hexdigest() != oid:
            return 403
        self.blobs[oid] = data
        self.puts.append(oid)
        return 200

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if method == "PUT":
            return self.put(path.rpartition("/")[2], body), {}
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            status = 409 if name in self.repositories else 200
            self.repositories.setdefault(name, Repository(asked.get("visibility") == "private"))
            return status, {"url": f"{self.endpoint}/{name}"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        return self._of_repository(path, body)

    def _of_repository(self, path: str, body: bytes) -> tuple[int, Any]:
        asked = re.fullmatch(r"(?:/api/models)?/([^/]+/[^/.]+)(?:\.git)?/?([^/]*)(?:/.*)?", path)
        if asked is None or asked[1] not in self.repositories:
            return 404, {}
        name, what = asked[1], asked[2]
        repository = self.repositories[name]
        if what == "":
            return 200, {"id": name, "sha": repository.head, "private": repository.private, "tags": [], "siblings": []}
        if what == "tree":
            return 200, self.listing(name)
        if what == "preupload":
            modes = [(file["path"], file["path"].endswith(LARGE)) for file in json.loads(body)["files"]]
            files = [
                {"path": p, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False} for p, large in modes
            ]
            return 200, {"files": files}
        if what == "info":
            return 200, self.batch(json.loads(body)["objects"])
        return self.commit(name, [json.loads(line) for line in body.splitlines()])


@contextmanager
def upload_hub() -> Iterator[UploadHub]:
    """Serve an empty hub and make it the client's, which then sends large files as LFS does, without Xet."""
    from huggingface_hub import constants

    state = UploadHub()

    class Server(Handler):
        def handle_one(self) -> None:
            body = self.content()
            with state.lock:
                state.requests += 1
                if "Authorization" in self.headers:
                    state.tokens.add(self.headers["Authorization"])
                status, reply = state.answer(self.command, self.path.partition("?")[0], body)
            self.reply(status, json.dumps(reply).encode(), JSON)

        do_GET = do_POST = do_PUT = handle_one

        def content(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return super().content()
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

    with pytest.MonkeyPatch.context() as patch, listening(Server) as state.endpoint:
        patch.setattr(constants, "ENDPOINT", state.endpoint)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield state
