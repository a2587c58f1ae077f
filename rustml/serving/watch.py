"""Follow an alias: a newly promoted version is started, tested, and only then swapped in behind the same address."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from rustml.errors import RustmlError
from rustml.serving.front import Front
from rustml.serving.upstream import Upstream

TICK_SECONDS = 1.0
"""How often the engine that serves is looked at."""


class Versions(Protocol):
    """The registry, as far as a server follows it."""

    def current(self) -> str:
        """Number of the version that is to be served; empty where the registry names none or does not answer."""
        ...

    def start(self, number: str) -> AbstractContextManager[Upstream]:
        """An engine that serves a version whose evidence holds and whose answers were tested.

        Raises RustmlError with the reason where it does not come so far.
        """
        ...

    def refused(self, number: str, reason: str) -> None:
        """Note why a version is not served."""
        ...

    def swapped(self, number: str) -> None:
        """Note that a version is served now."""
        ...


class Watch:
    """The version that serves, and what follows it.

    Run it in the thread that is to hear of signals; Ctrl-C ends it, and `close` ends the engine.
    """

    def __init__(self, front: Front, versions: Versions, say: Callable[[str], None]) -> None:
        self._front, self._versions, self._say = front, versions, say
        self._engine = ExitStack()
        self._upstream: Upstream | None = None
        self._refused = ""

    def begin(self, number: str) -> None:
        """Serve a version. Raises RustmlError where it cannot be served."""
        engine = ExitStack()
        upstream = engine.enter_context(self._versions.start(number))
        self._swap(engine, upstream)

    def hold(self) -> None:
        """Serve until interrupted. Raises EnvironmentFault when the engine ends by itself."""
        while self._upstream is not None:
            self._upstream.check()
            time.sleep(TICK_SECONDS)

    def follow(self, poll_seconds: float) -> None:
        """As `hold`, and look at the alias every `poll_seconds` and when a webhook says so."""
        looked = time.monotonic()
        while self._upstream is not None:
            woken = self._front.woken.wait(min(TICK_SECONDS, poll_seconds))
            self._upstream.check()
            if woken or time.monotonic() - looked >= poll_seconds:
                self._front.woken.clear()
                self.look()
                looked = time.monotonic()

    def look(self) -> None:
        """Swap in what the alias points at now, if it is another version that was not refused since it moved there."""
        number = self._versions.current()
        if not number or number == self._number:
            self._refused = self._refused if not number else ""
            return
        if number != self._refused:
            self._replace(number)

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    @property
    def _number(self) -> str:
        return self._upstream.version if self._upstream else ""

    def _replace(self, number: str) -> None:
        self._say(f"the alias moved to version {number}: starting it beside version {self._number}")
        with ExitStack() as engine:
            try:
                upstream = engine.enter_context(self._versions.start(number))
            except (RustmlError, OSError) as error:  # such as a full disk
                self._refused = number
                self._versions.refused(number, str(error))
                self._say(f"version {number} is not served, version {self._number} goes on: {error}")
                return
            if self._versions.current() not in ("", number):
                self._say(f"the alias moved again while version {number} started")
                return
            self._swap(engine.pop_all(), upstream)

    def _swap(self, engine: ExitStack, upstream: Upstream) -> None:
        old_engine, old_number = self._engine, self._number
        self._engine, self._upstream, self._refused = engine, upstream, ""
        with old_engine:  # it ends even where the swap fails
            route = self._front.swap(upstream)
            self._versions.swapped(upstream.version)
            if route is not None:
                drained = self._front.drain(route)
                left = "" if drained else ", cutting off requests that took too long"
                self._say(f"version {upstream.version} serves; version {old_number} ends{left}")
