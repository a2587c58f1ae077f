"""A judge behind HTTP: verdicts as beside it, limits held, and whatever fails on the way is asked again."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import ThreadingHTTPServer
from typing import Any

import httpx
import msgspec
import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.judge import Limits
from rustml.judge.remote.client import RemoteJudge
from rustml.judge.remote.exchange import JudgeFacts, Verdicts
from rustml.judge.remote.service import JudgeService, ServiceLimits
from rustml.records import Candidate, Verdict
from rustml.testing import FakeJudge, make_verdict
from tests.support.judge_cases import RIGHT, WRONG, candidate
from tests.support.loopback_http import Handler

KEY = "a-key-of-sixteen"
HTTP = httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
LIMITS = Limits()
FACTS = JudgeFacts(limits=asdict(LIMITS), rust="1", python="3", sandbox="none", code="0")
CANDIDATES = [candidate(RIGHT, "same"), candidate(WRONG, "same"), candidate("not rust", "third")]


@pytest.fixture(scope="module", autouse=True)
def _client() -> Iterator[None]:
    with HTTP:
        yield


def status(one: Candidate) -> Any:
    return {RIGHT: "passed", WRONG: "wrong"}.get(one.code, "compile_error")


@contextmanager
def serving(judge: Any = None, key: str = "", limits: ServiceLimits | None = None) -> Iterator[JudgeService]:
    service = JudgeService(judge or FakeJudge(status), FACTS, ("127.0.0.1", 0), key, limits or ServiceLimits())
    thread = threading.Thread(target=lambda: service.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


def opened(url: str, **options: Any) -> RemoteJudge:
    return RemoteJudge(url, LIMITS, **{"wait": lambda _: None, **options})


def post(url: str, content: bytes, **headers: str) -> httpx.Response:
    given = {"Content-Type": "application/json", **headers}
    return HTTP.post(f"{url}/v1/judge", content=content, headers=given)


def test_verdicts_come_back_in_order_under_the_callers_ids() -> None:
    shown: list[tuple[int, int]] = []
    with serving() as service, opened(service.url) as judge:
        verdicts = judge.judge(CANDIDATES, lambda done, total: shown.append((done, total)))
    assert [(one.id, one.status) for one in verdicts] == [
        ("same", "passed"),
        ("same", "wrong"),
        ("third", "compile_error"),
    ]
    assert shown == [(3, 3)]
    assert judge.facts == FACTS


def test_many_candidates_go_in_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rustml.judge.remote.client.PART_CANDIDATES", 2)
    with serving() as service, opened(service.url) as judge:
        verdicts = judge.judge([candidate(RIGHT if n % 2 else WRONG, str(n)) for n in range(5)])
        assert service.counts.requests[200] == 4
    assert [one.status for one in verdicts] == ["wrong", "passed", "wrong", "passed", "wrong"]


def test_what_no_request_can_carry_is_judged_here() -> None:
    fake = FakeJudge(status)
    with serving(fake) as service, opened(service.url) as judge:
        long, broken, right = judge.judge([candidate("x" * (1 << 19)), candidate("\ud800"), CANDIDATES[0]])
    assert (long.status, broken.status, right.status) == ("policy", "compile_error", "passed")
    assert len(fake.judged) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "judge.example"])
def test_another_machine_reaches_no_server_without_a_key(host: str) -> None:
    with pytest.raises(InputError, match="RUSTML_JUDGE_KEY"):
        JudgeService(FakeJudge(), FACTS, (host, 0), "", ServiceLimits())


def test_a_key_is_asked_for_everything_but_health() -> None:
    fake = FakeJudge(status)
    with serving(fake, KEY) as service:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}):
            assert post(service.url, b"[]", **headers).status_code == 401
            for page in ("/metrics", "/v1/judge"):
                assert HTTP.get(service.url + page, headers=headers).status_code == 401
        assert HTTP.get(service.url + "/health").json() == {"status": "ok"}
        with pytest.raises(EnvironmentFault, match="refuses the key"):
            opened(service.url, key="wrong")
        with opened(service.url, key=KEY) as judge:
            assert judge.judge(CANDIDATES[:1])[0].status == "passed"
    assert len(fake.judged) == 1


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"{", {}, 400),
        (b"[1]", {}, 400),
        (b'[{"id": "x"}]', {}, 400),
        (b"[\xff]", {}, 400),
        (b"[]", {"Content-Type": "text/plain"}, 415),
        (b"[" + b" " * 5000 + b"]", {}, 413),
        (msgspec.json.encode([candidate("", str(n), tests="") for n in range(4)]), {}, 413),
        (b"[]", {}, 200),
    ],
)
def test_a_request_of_another_form_or_size_is_refused(content: bytes, headers: dict[str, str], code: int) -> None:
    fake = FakeJudge(status)
    with serving(fake, limits=ServiceLimits(body_bytes=4096, candidates=3)) as service:
        assert post(service.url, content, **headers).status_code == code
        assert post(service.url, b"[]").status_code == 200
    assert not fake.judged


@pytest.mark.parametrize("length", ["", "x", "-1", "99999999999999999999999", "²"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with serving() as service, socket.create_connection(service.server_address[:2]) as connection:  # type: ignore[arg-type]
        head = f"POST /v1/judge HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        assert connection.recv(64).split()[1] in (b"411", b"413")


class Slow(FakeJudge):
    """Judges once it may."""

    def __init__(self) -> None:
        super().__init__("passed")
        self.begun, self.may = threading.Event(), threading.Event()

    def judge(self, *given: Any) -> list[Verdict]:
        self.begun.set()
        assert self.may.wait(30)
        return super().judge(*given)


def test_a_full_queue_refuses_and_the_client_asks_again() -> None:
    slow, pauses = Slow(), []
    with serving(slow, limits=ServiceLimits(queue=0)) as service:
        first = threading.Thread(target=lambda: post(service.url, msgspec.json.encode(CANDIDATES[:1])))
        first.start()
        assert slow.begun.wait(30)
        refused = post(service.url, b"[]")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")

        def wait(seconds: float) -> None:
            pauses.append(seconds)
            slow.may.set()
            first.join()

        with opened(service.url, wait=wait) as judge:
            assert judge.judge(CANDIDATES[:1])[0].status == "passed"
    assert pauses
    assert pauses[0] == 0.25


def test_metrics_count_requests_and_verdicts() -> None:
    with serving() as service:
        with opened(service.url) as judge:
            judge.judge(CANDIDATES)
        post(service.url, b"{")
        page = HTTP.get(service.url + "/metrics").text
    assert 'rustml_judge_requests_total{code="400"} 1' in page
    assert 'rustml_judge_verdicts_total{status="passed"} 1' in page
    assert "rustml_judge_waiting 0" in page


def test_a_judge_that_fails_is_a_fault_of_the_server_and_is_asked_again() -> None:
    fails = iter([True, True, False])

    class Failing(FakeJudge):
        def judge(self, *given: Any) -> list[Verdict]:
            if next(fails):
                raise RuntimeError("boom")
            return super().judge(*given)

    with serving(Failing("passed")) as service, opened(service.url) as judge:
        assert judge.judge(CANDIDATES[:1])[0].status == "passed"
        assert service.counts.requests[500] == 2


Play = Callable[[Handler, list[Candidate]], bytes | None]


@contextmanager
def playing(*plays: Play) -> Iterator[str]:
    """A server that answers each request for verdicts by the next play, and the rest rightly."""
    todo = list(plays)

    class Server(Handler):
        def do_GET(self) -> None:
            self.reply(200, msgspec.json.encode(FACTS))

        def do_POST(self) -> None:
            asked = msgspec.json.decode(self.content(), type=list[Candidate])
            content = (todo.pop(0) if todo else rightly)(self, asked)
            if content is not None:
                self.reply(200, content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.handle_error = lambda *_given: None  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
        assert not todo
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(verdicts: list[Verdict]) -> bytes:
    return msgspec.json.encode(Verdicts(verdicts=tuple(verdicts)))


def rightly(_handler: Handler, asked: list[Candidate]) -> bytes:
    return answer([make_verdict(one.id, status(one)) for one in asked])


def gone(handler: Handler, _asked: list[Candidate]) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_off(handler: Handler, asked: list[Candidate]) -> None:
    content = rightly(handler, asked)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content[: len(content) // 2])
    gone(handler, asked)


def status_of(code: int) -> Play:
    def play(handler: Handler, _asked: list[Candidate]) -> None:
        handler.reply(code, b"")

    return play


FAULTS: dict[str, Play] = {
    "gone": gone,
    "cut off": cut_off,
    "500": status_of(500),
    "502": status_of(502),
    "429": status_of(429),
    "a page of a proxy": lambda *_: b"<html>",
    "not verdicts": lambda *_: b'{"verdicts":[{"id":"0"}]}',
    "too few": lambda handler, asked: rightly(handler, asked[1:]),
    "too many": lambda handler, asked: rightly(handler, [*asked, asked[0]]),
    "another order": lambda handler, asked: rightly(handler, asked[::-1]),
    "another's": lambda _handler, asked: answer([make_verdict("x", "wrong") for _ in asked]),
    "nothing": lambda *_: b"",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_on_the_way_changes_no_verdict(name: str) -> None:
    with playing(FAULTS[name], FAULTS[name]) as url, opened(url) as judge:
        verdicts = judge.judge(CANDIDATES)
    assert [one.status for one in verdicts] == ["passed", "wrong", "compile_error"]


def test_a_slow_answer_is_asked_for_again() -> None:
    late = threading.Event()

    def slow(*_given: Any) -> None:
        assert late.wait(30)

    with playing(slow) as url, opened(url, answer_seconds=0.2, wait=lambda _: late.set()) as judge:
        assert judge.judge(CANDIDATES[:1])[0].status == "passed"


def test_a_server_that_stays_away_ends_the_run_and_blames_no_candidate() -> None:
    now = iter(range(1000))
    with serving() as service, opened(service.url, clock=lambda: float(next(now)), retry_seconds=5) as judge:
        service.shutdown()
        service.server_close()
        judge._client.close()
        judge._client = httpx.Client(timeout=1)
        with pytest.raises(EnvironmentFault, match="gave no verdict in 5 s"):
            judge.judge(CANDIDATES)


def test_other_limits_are_refused() -> None:
    with serving() as service, pytest.raises(EnvironmentFault, match="other limits"):
        RemoteJudge(service.url, Limits(cpu_seconds=1), wait=lambda _: None)


@pytest.mark.parametrize("text", ["[]", "null", '{"limits": {}}'])
def test_a_server_of_another_kind_is_no_judge(text: str) -> None:
    with serving() as service:
        service.facts = msgspec.Raw(text.encode())  # type: ignore[assignment]
        with pytest.raises(EnvironmentFault, match="cannot be read"):
            opened(service.url, retry_seconds=0)
