"""A harvest of many crates from a registry on loopback: time, memory, disk, and how politely it asked.

    python -m benchmarks.registry [--crates 2000] [--directory /usr/share/cargo/registry] [--workers 2]

The archives are those of a Cargo directory source, packed again under other names as often as the number asks for. The
server is a process of its own, takes 20 ms for each answer, and counts. CPU seconds leave the server out; wall seconds
and the shortest interval need a quiet machine.
"""

import argparse
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import msgspec

from benchmarks.corpus import Meter
from rustml.corpus.harvest import harvest
from rustml.corpus.sources import directory
from rustml.corpus.sources.crate import Crate
from rustml.corpus.sources.registry import index_path
from rustml.profile import load
from rustml.profile.harvest import HarvestSection

NAME = re.compile(rb'(?m)^name = "[^"]*"')
LATENCY = 0.02
"""Seconds that each answer takes, as on a way to a near server."""
INTERVAL = 0.05
"""Seconds between starts, in the run that shows the pace."""
PACED = 40
"""Crates of that run."""
Row = tuple[str, str]


def packed(crate: Crate, name: str) -> bytes:
    """The crate as an archive under another name."""
    root, buffer = Path(crate.location), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=6) as tar:
        for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
            data = path.read_bytes()
            relative = path.relative_to(root).as_posix()
            if relative == "Cargo.toml":
                data = NAME.sub(f'name = "{name}"'.encode(), data, count=1)
            member = tarfile.TarInfo(f"{name}-{crate.version}/{relative}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def fill(folder: Path, source: Path, count: int) -> list[str]:
    """Write index and archives of `count` crates below `folder`; their names."""
    crates, _ = directory.resolve(source, [])
    names = []
    for number in range(count):
        crate = crates[number % len(crates)]
        name = f"{crate.name}-{number // len(crates):03}"
        data = packed(crate, name)
        line = {"name": name, "vers": crate.version, "deps": [], "cksum": hashlib.sha256(data).hexdigest()}
        files = {f"index/{index_path(name)}": json.dumps(line).encode(), f"dl/{name}/{crate.version}/download": data}
        for path, content in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        names.append(name)
    return names


class Server(ThreadingHTTPServer):
    """The files of a folder, with counts of requests under `/counts`."""

    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.lock = folder, threading.Lock()
        self.starts: list[float] = []
        self.now = self.most = 0
        self.api = ""

    def counts(self) -> dict[str, float]:
        """The counts since they were last asked for."""
        starts = sorted(self.starts)
        least = min((after - before for before, after in pairwise(starts)), default=0.0)
        span = starts[-1] - starts[0] if starts else 0.0
        counts = {"requests": len(starts), "at once": self.most, "least": least, "mean": span / max(len(starts) - 1, 1)}
        self.starts, self.most = [], 0
        return counts


class Handler(BaseHTTPRequestHandler):
    """Answers with ETags, as crates.io does."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path.startswith("/counts"):
            with self.server.lock:
                self.server.api = self.path.partition("?")[2]
                return self._send(200, json.dumps(self.server.counts()).encode())
        with self.server.lock:
            self.server.starts.append(time.monotonic())
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        try:
            time.sleep(LATENCY)
            self._answer()
        finally:
            with self.server.lock:
                self.server.now -= 1

    def _answer(self) -> None:
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        if self.path == "/index/config.json":
            config = {"dl": f"{url}/dl"} | ({"api": url} if self.server.api else {})
            return self._send(200, json.dumps(config).encode())
        data = (self.server.folder / self.path.lstrip("/")).read_bytes()
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        fresh = self.headers.get("if-none-match") == etag
        return self._send(304 if fresh else 200, b"" if fresh else data, {"ETag": etag})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def size(folder: Path) -> str:
    """Megabytes of a folder's files."""
    return f"{sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1e6:.1f} MB"


def counts(url: str, api: bool = False) -> str:
    """What the server counted since the last call; from here on it serves an API too, or none."""
    with urlopen(f"{url}/counts{'?api' if api else ''}") as answer:
        made = json.load(answer)
    apart = f"{made['mean']:.4f} s apart in the mean, {made['least']:.4f} at least"
    return f"{made['requests']} requests, {made['at once']} at once, {apart}"


def rows(given: argparse.Namespace, section: HarvestSection, url: str, work: Path) -> Iterator[Row]:
    """The table."""
    for run in ("first", "second"):
        counts(url)
        with Meter() as meter:
            report = harvest(section, work / run, workers=given.workers, cache=work / "cache")
        what = f"{report.crates} crates, {report.refused} refused, {report.files} files"
        yield f"{run} harvest", f"{meter}, {meter.peak / 2**20:.0f} MiB; {what}"
        yield f"{run}: the server saw", counts(url)
    for name, folder in (("archives", "cache/archives"), ("index", "cache/index"), ("unpacked", "cache/sources"),
                         ("output", "first")):  # fmt: skip
        yield f"disk: {name}", size(work / folder)
    few = msgspec.structs.replace(section, crates=section.crates[:PACED], interval_seconds=INTERVAL)
    counts(url, api=True)
    with Meter() as meter:
        harvest(few, work / "paced", workers=1, cache=work / "other")
    yield f"{PACED} crates, {INTERVAL} s apart", f"{meter}; {counts(url)}"


def main() -> None:
    """Fill a registry, serve it, harvest it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crates", type=int, default=2000)
    parser.add_argument("--directory", type=Path, default=Path("/usr/share/cargo/registry"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        server = Server(given.serve)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    with tempfile.TemporaryDirectory() as folder:
        measure(given, Path(folder))


def measure(given: argparse.Namespace, work: Path) -> None:
    """The whole benchmark in one folder."""
    names = fill(work / "registry", given.directory, given.crates)
    command = [sys.executable, "-m", "benchmarks.registry", "--serve", str(work / "registry")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        section = msgspec.structs.replace(
            load("tiny").harvest, registry=f"sparse+{url}/index/", directory="", crates=tuple(names), crates_file="",
            max_files_per_crate=2000,
        )  # fmt: skip
        try:
            for what, figures in rows(given, section, url, work):
                print(f"{what:32} {figures}", flush=True)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
