"""Requests to an OpenAI-compatible server: many at once, tried again, and their faults told without a secret.

The server's key comes from an environment variable and goes nowhere but into the request: a server may repeat it in
its words, so no error of the client is quoted or chained.
"""

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rustml.errors import EnvironmentFault, InputError
from rustml.profile.evaluation import ServerSection

SETTING = "evaluation.server"
"""Where a profile names the server of engine `openai`."""
REFUSED = frozenset({400, 413, 422})
"""Status codes by which a server refuses one request for what is in it."""
SETTINGS = frozenset({401, 403, 404})
"""Status codes by which a server refuses key, address or model."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Request = TypeVar("Request")
Reply = TypeVar("Reply")


def key_of(server: ServerSection, setting: str) -> str:
    """The server's key. Raises InputError, which names `setting` of the profile, for a missing or unusable one."""
    key = os.environ.get(server.key_variable, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]+", key):  # anything else would be quoted in the client's complaint
        raise InputError(
            f"{setting} needs a key in the environment variable {server.key_variable}, one word of ASCII; a server "
            "without keys takes any"
        )
    return key


class Client:
    """A server and its key, which stands in no file and no message.

    `setting` is where the profile names them, as in `evaluation.rater`.
    """

    def __init__(self, server: ServerSection, setting: str) -> None:
        """Raises InputError for a missing key."""
        self._server, self._setting, self._key = server, setting, key_of(server, setting)

    def map(
        self,
        ask: Callable[[Any, Request], Reply],
        refused: Callable[[Request, int], Reply],
        requests: Sequence[Request],
    ) -> list[Reply]:
        """`ask(client, request)` for each request, in order, `concurrency` of them at once.

        `ask` gets an `openai.OpenAI` client, which tries rate limits and server errors again. `refused(request,
        status)` stands in for the reply where the server refuses a request for what is in it. Raises EnvironmentFault
        when the server still does not answer, and InputError when it refuses key or model; either ends all requests.
        """
        import openai  # noqa: PLC0415  takes a second to load, and is seldom needed

        server = self._server
        local = urlsplit(server.base_url).hostname in LOOPBACK  # no proxy of the environment reaches it
        with (
            openai.DefaultHttpxClient(trust_env=not local) as direct,
            openai.OpenAI(
                base_url=server.base_url,
                api_key=self._key,
                max_retries=server.retries,
                timeout=server.timeout_seconds,
                http_client=direct,
            ) as client,
            ThreadPoolExecutor(server.concurrency, thread_name_prefix="requests") as threads,
        ):
            pending = [threads.submit(self._ask, ask, refused, client, request) for request in requests]
            try:
                return [future.result() for future in pending]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _ask(
        self,
        ask: Callable[[Any, Request], Reply],
        refused: Callable[[Request, int], Reply],
        client: Any,
        request: Request,
    ) -> Reply:
        import openai  # noqa: PLC0415

        try:
            return ask(client, request)
        except openai.APIStatusError as error:
            status = error.status_code
        except openai.OpenAIError as error:
            # Not the error's own words, nor itself as the cause: a server may repeat the key in them.
            raise self._silent(type(error).__name__) from None
        if status in REFUSED:
            return refused(request, status)
        if status in SETTINGS:
            raise InputError(
                f"the server at {self._server.base_url} answers HTTP {status}: check {self._setting}.base_url, its "
                f"model {self._server.model}, and the key in {self._server.key_variable}"
            ) from None
        raise self._silent(f"HTTP {status}") from None

    def _silent(self, why: str) -> EnvironmentFault:
        """The fault of a server that did not answer."""
        return EnvironmentFault(
            f"the server at {self._server.base_url} ({self._setting}) did not answer after {self._server.retries} "
            f"retries ({why}). Run it again: answers judged so far are kept"
        )
