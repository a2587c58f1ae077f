"""The front over real sockets: what it lets through, what it refuses, and that it loses nothing."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from rustml.profile import load
from rustml.serving import guard, listener
from rustml.serving.access_log import AccessLog
from rustml.serving.front import Front
from tests.support.engines import Engine, engine, words_of

SECTION = msgspec.structs.replace(load("tiny").serve, drain_seconds=5.0)
CHAT = "/v1/chat/completions"
KEY = "a-key-of-twenty-letters"


@dataclass
class Served:
    """A front with an engine behind it."""

    front: Front
    engine: Engine
    url: str
    log: Path

    def client(self, key: str = "") -> httpx.Client:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20.0)

    def accesses(self, count: int) -> list[dict[str, Any]]:
        """The first lines of the log; a line is written after its answer's last byte."""
        wait_until(lambda: self.log.exists() and len(self.log.read_text().splitlines()) >= count)
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def serve(folder: Path, *, key: str = "", webhook: str = "", **changes: Any) -> Iterator[Served]:
    section = msgspec.structs.replace(SECTION, **changes)
    bound = listener.listen(section)
    url = listener.url(bound, section).removesuffix("/v1")
    log = folder / "access.jsonl"
    with (
        engine() as behind,
        Front(bound, section, log=AccessLog(log), key=key, webhook=webhook) as front,
    ):
        front.swap(behind.upstream)
        yield Served(front, behind, url, log)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path) as running:
        yield running


def test_an_answer_passes_through_with_the_version_that_gave_it(served: Served) -> None:
    with served.client() as client:
        reply = client.post(CHAT, json={"words": 3})
    assert reply.json() == {"version": "1", "words": ["1", "1", "1"]}
    assert reply.headers["x-rustml-version"] == "1"
    assert served.engine.paths == [CHAT]


def test_a_stream_comes_as_it_is_made(served: Served) -> None:
    """The engine holds the second word back until the client has the first."""
    served.engine.hold_after = 1
    with served.client() as client, client.stream("POST", CHAT, json={"words": 3, "stream": True}) as reply:
        chunks = reply.iter_raw()
        stream = next(chunks)
        assert stream == b"data: 1\n\n"
        served.engine.release()
        stream += b"".join(chunks)
    assert words_of(stream) == ["1"] * 3


def test_the_engine_gets_neither_key_nor_cookies(tmp_path: Path) -> None:
    with serve(tmp_path, key=KEY) as served, served.client(KEY) as client:
        client.post(CHAT, json={"words": 1}, headers={"cookie": "session=secret"})
    assert not {"authorization", "cookie"} & served.engine.headers[0].keys()
    assert KEY not in str(served.engine.headers)


@pytest.mark.parametrize("given", ["x", KEY[:-1], KEY + "x", "Bearer", "ключ"])
def test_a_wrong_key_is_refused_before_anything_else(given: str, tmp_path: Path) -> None:
    headers = {"authorization": f"Bearer {given}".encode()}
    with serve(tmp_path, key=KEY) as served, served.client() as client:
        for path in (CHAT, "/metrics", "/v1/models", "/no/such"):
            reply = client.post(path, json={}, headers=headers)
            assert reply.status_code == 401, path
            assert reply.json()["error"]["type"] == "authentication_error"
        assert client.get("/health").status_code == 200, "readiness needs no key"
    assert served.engine.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/sleep",
        "/invocations",
        "/v1/load_lora_adapter",
        "/v1/chat/completions/../../../metrics",
        "/v1/chat/completions%2f..%2f..%2fmetrics",
        "//v1/chat/completions",
        "/v1/chat/completions/",
        "/V1/chat/completions",
        "/hooks/mlflow",
    ],
)
def test_a_path_that_is_not_listed_is_not_there(path: str, served: Served) -> None:
    status = ask_raw(served, f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}")
    assert status == 404
    assert served.engine.paths == []


def test_a_query_does_not_reach_the_engine_or_the_log(served: Served) -> None:
    with served.client() as client:
        assert client.post(f"{CHAT}?prompt=secret", json={"words": 1}).status_code == 200
    assert served.engine.paths == [CHAT]
    assert "secret" not in json.dumps(served.accesses(1))


@pytest.mark.parametrize(
    ("method", "path"), [("GET", CHAT), ("DELETE", CHAT), ("OPTIONS", CHAT), ("POST", "/v1/models")]
)
def test_another_method_is_refused(method: str, path: str, served: Served) -> None:
    with served.client() as client:
        assert client.request(method, path).status_code == 405
    assert served.engine.paths == []


def ask_raw(served: Served, text: str) -> int:
    """Status of the reply to bytes that no client library would send."""
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(text.encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_a_large_body_is_refused_whether_or_not_it_says_its_size(tmp_path: Path) -> None:
    body = b"x" * 3000
    with serve(tmp_path, max_request_kb=2) as served, served.client() as client:
        assert client.post(CHAT, content=body).status_code == 413
        assert client.post(CHAT, content=iter([body])).status_code == 413
        assert client.post(CHAT, json={"words": 1}).status_code == 200
    assert len(served.engine.asked) == 1


def test_more_requests_than_allowed_are_told_to_try_again(tmp_path: Path) -> None:
    with serve(tmp_path, max_requests=1) as served, served.client() as client:
        served.engine.hold_after = 0
        with client.stream("POST", CHAT, json={"words": 1, "stream": True}) as reply:
            refused = client.post(CHAT, json={"words": 1})
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            served.engine.release()
            assert words_of(reply.read()) == ["1"]
        wait_until(lambda: client.post(CHAT, json={"words": 1}).status_code == 200)  # the place is free again


def test_a_request_that_takes_too_long_ends(tmp_path: Path) -> None:
    with serve(tmp_path, request_seconds=1.0) as served, served.client() as client:
        served.engine.hold_after = 0
        with (
            pytest.raises(httpx.RemoteProtocolError),
            client.stream("POST", CHAT, json={"words": 1, "stream": True}) as reply,
        ):
            reply.read()
        wait_until(lambda: served.engine.left == 1)
        assert served.accesses(1)[0]["ended"] == "too long"


def test_a_client_that_leaves_ends_its_request_at_the_engine(served: Served) -> None:
    served.engine.hold_after = 1
    with served.client() as client, client.stream("POST", CHAT, json={"words": 9, "stream": True}) as reply:
        next(reply.iter_raw())
    wait_until(lambda: served.engine.left == 1)
    (access,) = served.accesses(1)
    assert access["ended"] == "client left"
    assert access["sent"] == len(b"data: 1\n\n")


def test_a_cut_answer_is_an_error_for_the_client_and_never_looks_whole(served: Served) -> None:
    served.engine.hold_after = 1
    with served.client() as client:
        with client.stream("POST", CHAT, json={"words": 9, "stream": True}) as reply:
            chunks = reply.iter_raw()
            next(chunks)
            served.engine.stop()
            with pytest.raises(httpx.RemoteProtocolError):
                b"".join(chunks)
        assert client.post(CHAT, json={"words": 1}).status_code == 502
        assert client.get("/health").status_code == 503
    assert served.accesses(3)[0]["ended"] == "server broke off"


def test_without_an_engine_the_front_is_not_ready(tmp_path: Path) -> None:
    bound = listener.listen(SECTION)
    url = listener.url(bound, SECTION)
    with Front(bound, SECTION, log=AccessLog(tmp_path / "log")), httpx.Client(trust_env=False) as client:
        assert client.get(url.replace("/v1", "/health")).status_code == 503
        reply = client.post(f"{url}/chat/completions", json={})
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")


def test_the_log_tells_how_it_went_and_nothing_that_was_said(tmp_path: Path) -> None:
    with serve(tmp_path, key=KEY) as served, served.client(KEY) as client:
        reply = client.post(CHAT, json={"words": 2, "messages": "planted prompt"}, headers={"user-agent": "planted"})
        client.post("/" + "x" * 500, json={})
        first, second = sorted(served.accesses(2), key=lambda access: access["status"])
    assert {**first, "time": 0, "first_byte": 0, "seconds": 0, "sent": 0, "received": 0} == {
        "time": 0,
        "request": reply.headers["x-request-id"],
        "client": "127.0.0.1",
        "method": "POST",
        "path": CHAT,
        "status": 200,
        "version": "1",
        "received": 0,
        "sent": 0,
        "first_byte": 0,
        "seconds": 0,
        "ended": "complete",
    }
    assert first["sent"] == len(reply.content)
    assert first["received"] == len(reply.request.content)
    assert 0 < first["first_byte"] <= first["seconds"]
    assert (second["status"], second["ended"], len(second["path"])) == (404, "refused", 100)
    assert "planted" not in served.log.read_text()
    assert KEY not in served.log.read_text()


def test_a_thousand_idle_connections_and_a_slow_reader_keep_nobody_waiting(served: Served) -> None:
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(1000)]
    with socket.create_connection((host, int(port))) as slow, served.client() as client:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = json.dumps({"words": 400, "size": 65_536, "stream": True})
        slow.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        assert slow.recv(8) == b"HTTP/1.1"
        for _ in range(20):
            assert client.post(CHAT, json={"words": 1}).status_code == 200
    for connection in idle:
        connection.close()
    wait_until(lambda: served.engine.left == 1)  # the engine waited for the reader, and ended with it


def test_leaving_waits_for_answers_in_flight_and_accepts_nobody(tmp_path: Path) -> None:
    answers: list[bytes] = []
    with serve(tmp_path) as served:
        served.engine.hold_after = 1

        def read() -> None:
            with served.client() as client, client.stream("POST", CHAT, json={"words": 3, "stream": True}) as reply:
                answers.append(reply.read())

        reader = threading.Thread(target=read)
        reader.start()
        wait_until(lambda: served.engine.begun == 1)
        leaving = threading.Thread(target=served.front.__exit__, args=(None, None, None))
        leaving.start()
        wait_until(lambda: refuses(served.url))
        assert answers == []
        served.engine.release()
        leaving.join()
        reader.join()
    assert words_of(answers[0]) == ["1"] * 3


def refuses(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_answer_longer_than_the_drain_is_cut(tmp_path: Path) -> None:
    with serve(tmp_path, drain_seconds=0.5) as served, served.client() as client:
        served.engine.hold_after = 1
        with client.stream("POST", CHAT, json={"words": 3, "stream": True}) as reply:
            chunks = reply.iter_raw()  # collected, it would close its connection
            next(chunks)
            served.front.__exit__(None, None, None)
    assert served.accesses(1)[0]["ended"] == "shut down"


def signed(body: bytes, secret: str, stamp: str) -> dict[str, str]:
    """Headers as MLflow writes them (mlflow/webhooks/delivery.py)."""
    digest = hmac.new(secret.encode(), f"id.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"x-mlflow-delivery-id": "id", "x-mlflow-timestamp": stamp, "x-mlflow-signature": signature}


def test_a_webhook_that_mlflow_signed_wakes_and_any_other_does_not(tmp_path: Path) -> None:
    body, now = b'{"entity": "model_version_alias"}', str(int(time.time()))
    old = str(int(time.time() - guard.WEBHOOK_AGE - 60))
    with serve(tmp_path, webhook=KEY) as served, served.client() as client:
        for headers in (
            {},
            signed(body, "another-secret-of-twenty", now),
            signed(b"{}", KEY, now),
            signed(body, KEY, old),
            {**signed(body, KEY, now), "x-mlflow-timestamp": "²"},
        ):
            reply = client.post(guard.WEBHOOK, content=body, headers={k: v.encode() for k, v in headers.items()})
            assert reply.status_code == 401
            assert not served.front.woken.is_set()
        assert client.post(guard.WEBHOOK, content=body, headers=signed(body, KEY, now)).status_code == 202
        assert served.front.woken.is_set()
    assert served.engine.paths == []


def test_the_front_closes_on_time_when_nobody_is_there(served: Served) -> None:
    with served.client() as client:
        client.get("/health")  # its connection stays open
        started = time.monotonic()
        served.front.__exit__(None, None, None)
    assert time.monotonic() - started < SECTION.drain_seconds
