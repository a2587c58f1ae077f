"""As much of the Hugging Face hub as `datasets` asks for when it streams, and as it takes to fetch a checkpoint, on
loopback: repositories are folders."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from tests.support.loopback_http import Handler, listening

COMMIT = "a" * 40


@contextmanager
def hub(root: Path) -> Iterator[str]:
    """Serve `root/OWNER/NAME/FILES`, as data sets and as models alike; yields the endpoint."""

    class Hub(Handler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked = re.fullmatch(r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/revision/[^/]+|(/tree/[^/]+))?", path)
            if asked and (root / asked[1]).is_dir():
                return self.reply(200, json.dumps(self.tree(asked[1]) if asked[2] else self.about(asked[1])).encode())
            held = re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/[^/]+/((?:\w+/)*[^/]+)", unquote(path))
            if held and (root / held[1] / held[2]).is_file():
                return self.part((root / held[1] / held[2]).read_bytes())
            return self.reply(404, b"{}", {"X-Error-Code": "EntryNotFound"})

        def about(self, name: str) -> dict[str, object]:
            files = [{"rfilename": entry["path"]} for entry in self.tree(name)]
            return {"id": name, "sha": COMMIT, "private": False, "gated": False, "tags": [], "siblings": files}

        def tree(self, name: str) -> list[dict[str, object]]:
            files = sorted((root / name).iterdir())
            return [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": COMMIT} for f in files]

        def part(self, data: bytes) -> None:
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            headers = {
                "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
                "X-Repo-Commit": COMMIT,
                "Accept-Ranges": "bytes",
            }
            if not wanted:
                return self.reply(200, data, headers)
            first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            return self.reply(206, data[first : last + 1], headers)

    with listening(Hub) as url:
        yield url
