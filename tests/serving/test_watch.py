"""A server that follows an alias: nothing is lost in a swap, and what fails never serves."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from rustml.errors import EnvironmentFault, RustmlError
from rustml.profile import load
from rustml.serving import listener, watch
from rustml.serving.access_log import AccessLog
from rustml.serving.front import Front
from rustml.serving.upstream import Upstream
from rustml.serving.watch import Watch
from tests.support.engines import Engine, engine, words_of

SECTION = msgspec.structs.replace(load("tiny").serve, drain_seconds=20.0)
CLIENTS, ANSWERS, WORDS = 8, 6, 20


class Registry:
    """An alias that a test moves, and engines of its versions."""

    def __init__(self, number: str) -> None:
        self.alias = number
        self.engines: dict[str, Engine] = {}
        self.broken: dict[str, Exception] = {}
        self.refusals: list[tuple[str, str]] = []
        self.served: list[str] = []
        self.ended: list[str] = []
        self.moves_while_starting: str | None = None

    def current(self) -> str:
        return self.alias

    @contextmanager
    def start(self, number: str) -> Iterator[Upstream]:
        with engine(number) as running:
            self.engines[number] = running
            if number in self.broken:
                raise self.broken[number]
            self.alias = self.moves_while_starting or self.alias
            yield running.upstream
        self.ended.append(number)

    def refused(self, number: str, reason: str) -> None:
        self.refusals.append((number, reason))

    def swapped(self, number: str) -> None:
        self.served.append(number)


class Running:
    """A server that serves version 1, and what it said."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.registry, self.said = Registry("1"), []
        bound = listener.listen(SECTION)
        self.url = f"{listener.url(bound, SECTION)}/chat/completions"
        self.front = Front(bound, SECTION, log=AccessLog(folder / "log"))
        self.watch = Watch(self.front, self.registry, self.said.append)
        stack.callback(self.watch.close)
        stack.enter_context(self.front)
        self.watch.begin("1")

    registry: Registry
    said: list[str]

    def answer(self, words: int = 1) -> list[str]:
        body = {"stream": True, "words": words}
        with httpx.Client(trust_env=False, timeout=60) as client, client.stream("POST", self.url, json=body) as reply:
            assert reply.status_code == 200
            return words_of(reply.read())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(tmp_path, stack)


def test_no_request_is_lost_in_swaps_under_load(running: Running) -> None:
    """Each stream comes whole and from one version, while the alias goes 1, 2, 1, 3 under eight clients."""
    answers: list[list[str]] = []
    failures: list[BaseException] = []
    begun, swapped = threading.Semaphore(0), threading.Event()

    def client() -> None:
        try:
            for number in range(ANSWERS):
                if number == ANSWERS - 1:
                    swapped.wait(60)
                answers.append(running.answer(WORDS))
                begun.release()
        except BaseException as error:
            failures.append(error)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for number in ("2", "1", "3"):
        begun.acquire(timeout=60)
        running.registry.alias = number
        running.watch.look()
    swapped.set()
    for thread in clients:
        thread.join()
    assert failures == []
    assert len(answers) == CLIENTS * ANSWERS
    assert all(len(words) == WORDS and len({*words}) == 1 for words in answers)
    assert {words[0] for words in answers} >= {"3"}
    assert running.registry.served == ["1", "2", "1", "3"]
    assert running.registry.ended == ["1", "2", "1"]


def test_what_is_in_flight_ends_on_the_old_version_while_the_new_one_answers(running: Running) -> None:
    running.registry.engines["1"].hold_after = 1
    old: list[list[str]] = []
    reader = threading.Thread(target=lambda: old.append(running.answer(3)))
    reader.start()
    while not running.registry.engines["1"].begun:
        reader.join(0.005)
    running.registry.alias = "2"
    swap = threading.Thread(target=running.watch.look)
    swap.start()
    while "2" not in running.registry.served:
        swap.join(0.005)
    assert running.answer() == ["2"]
    assert (old, running.registry.ended) == ([], [])
    running.registry.engines["1"].release()
    swap.join()
    reader.join()
    assert old == [["1"] * 3]
    assert running.registry.ended == ["1"]


@pytest.mark.parametrize("error", [RustmlError("too few answers pass"), OSError(28, "No space left on device")])
def test_a_version_that_fails_is_refused_once_and_the_old_one_goes_on(error: Exception, running: Running) -> None:
    running.registry.broken["2"] = error
    running.registry.alias = "2"
    for _ in range(3):
        running.watch.look()
    assert running.registry.refusals == [("2", str(error))]
    assert running.answer() == ["1"]
    assert "version 2 is not served, version 1 goes on" in running.said[-1]
    assert running.registry.ended == []
    running.registry.alias = "1"
    running.watch.look()
    del running.registry.broken["2"]
    running.registry.alias = "2"
    running.watch.look()
    assert running.answer() == ["2"], "moved there again, it gets another trial"


def test_an_alias_that_moves_while_a_version_starts_is_followed(running: Running) -> None:
    running.registry.alias = "2"
    running.registry.moves_while_starting = "1"
    running.watch.look()
    assert running.registry.served == ["1"]
    assert running.registry.ended == ["2"]
    assert running.answer() == ["1"]


def test_a_registry_that_is_silent_or_empty_changes_nothing(running: Running) -> None:
    running.registry.alias = ""
    running.watch.look()
    assert running.answer() == ["1"]
    assert running.registry.refusals == []


def test_a_first_version_that_fails_is_an_error(tmp_path: Path) -> None:
    registry = Registry("1")
    registry.broken["1"] = RustmlError("no")
    front = Front(listener.listen(SECTION), SECTION, log=AccessLog(tmp_path / "log"))
    with front, pytest.raises(RustmlError, match="no"):
        Watch(front, registry, lambda _: None).begin("1")


def test_an_engine_that_dies_ends_the_server_with_a_fault(running: Running) -> None:
    running.registry.engines["1"].returncode = 137
    with pytest.raises(EnvironmentFault, match="ended with code 137:\nout of memory"):
        running.watch.follow(60.0)


@contextmanager
def following(running: Running, poll_seconds: float) -> Iterator[None]:
    """Begins when version 2 serves; in the end its engine dies, which ends the loop."""

    def follow() -> None:
        with pytest.raises(EnvironmentFault):
            running.watch.follow(poll_seconds)

    follower = threading.Thread(target=follow)
    follower.start()
    while "2" not in running.registry.served:
        follower.join(0.005)
    running.registry.engines["2"].returncode = 1
    yield
    follower.join()


def test_a_webhook_is_looked_at_before_the_next_poll(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poll is an hour away: only the webhook can have woken it."""
    monkeypatch.setattr(watch, "TICK_SECONDS", 3600.0)
    running.registry.alias = "2"
    running.front.woken.set()
    with following(running, 3600.0):
        assert running.answer() == ["2"]
        running.front.woken.set()


def test_without_a_webhook_the_alias_is_polled(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TICK_SECONDS", 0.01)
    running.registry.alias = "2"
    with following(running, 0.02):
        assert running.answer() == ["2"]
