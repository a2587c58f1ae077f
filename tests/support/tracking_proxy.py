"""A proxy before a tracking server on loopback: it counts requests, breaks connections, and refuses large files."""

import http.client
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.loopback_http import Handler, listening

HOPS = {"connection", "transfer-encoding", "content-length", "host", "keep-alive", "content-encoding"}


@dataclass
class Proxy:
    """What passed, and what is to be broken next."""

    url: str = ""
    sent: list[str] = field(default_factory=list)
    """Names of the files that clients sent whole, in order."""
    fetched: Counter[str] = field(default_factory=Counter)
    """Files that clients fetched, by name."""
    cut: dict[str, int] = field(default_factory=dict)
    """How many more times the connection breaks in the middle of a file, by its name."""
    limit: int = 1 << 40
    """Largest body in bytes that passes."""

    def breaks(self, name: str) -> bool:
        self.cut[name] = self.cut.get(name, 0) - 1
        return self.cut[name] >= 0


@contextmanager
def before(server: str) -> Iterator[Proxy]:
    """A proxy before the server at this address; it ends with the block."""
    proxy, target = Proxy(), urlsplit(server)

    class Forward(Handler):
        protocol_version = "HTTP/1.0"

        def forward(self) -> None:
            name, length = self.path.rpartition("/")[2], int(self.headers.get("Content-Length", 0))
            artifact = "/mlflow-artifacts/artifacts/" in self.path
            if length > proxy.limit:
                self.reply(413, b"too large")
                return
            body = self.content()
            if artifact and self.command == "PUT" and proxy.breaks(name):
                self._send_half(body)
                return
            status, headers, answer = self._ask(body)
            if artifact and status == 200:
                proxy.sent.extend([name] if self.command == "PUT" else [])
                proxy.fetched.update([name] if self.command == "GET" else [])
            if artifact and self.command == "GET" and proxy.breaks(name):
                self.reply(status, answer[: len(answer) // 2], {"Content-Length": str(len(answer))})
                return
            self.reply(status, answer, headers)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815  names of http.server

        def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=120)
            kept = {name: text for name, text in self.headers.items() if name.lower() not in HOPS}
            upstream.request(self.command, self.path, body, {**kept, "Accept-Encoding": "identity"})
            answer = upstream.getresponse()
            headers = {name: text for name, text in answer.getheaders() if name.lower() not in HOPS}
            content = answer.read()
            upstream.close()
            return answer.status, headers, content

        def _send_half(self, body: bytes) -> None:
            """Pass half of a body on, then drop both connections."""
            upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=120)
            upstream.putrequest(self.command, self.path)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body[: len(body) // 2])
            upstream.close()
            self.close_connection = True

    with listening(Forward) as url:
        proxy.url = url
        yield proxy
