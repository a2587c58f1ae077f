"""A judge behind HTTP. A request that fails is sent again, and its failure is never a candidate's fault."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeVar

import httpx
import msgspec

from rustml.errors import EnvironmentFault
from rustml.judge.limits import Limits
from rustml.judge.remote.distant import DistantJudge, are_answers, numbered, parts
from rustml.judge.remote.exchange import JSON, KEY, PATH, JudgeFacts, Verdicts
from rustml.judge.verdicts import unjudged_verdict, with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Status, Verdict

PART_CANDIDATES = 256
"""Of one request, at most."""
FIRST_WAIT, LONGEST_WAIT = 0.25, 15.0
"""Seconds between attempts: doubled after each."""
SANDBOX = "remote"
T = TypeVar("T")


class _TryAgain(Exception):
    """The server is not there, is busy, or does not answer what it was asked."""


class RemoteJudge(DistantJudge):
    """A client that judges like `rustml.judge.Judge`. A context manager."""

    def __init__(
        self,
        url: str,
        limits: Limits,
        *,
        key: str = "",
        answer_seconds: float = 1800.0,
        retry_seconds: float = 600.0,
        wait: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask the server what judges there.

        One request is answered within `answer_seconds`, or asked again; after `retry_seconds` without any answer the
        judge gives up. Raises EnvironmentFault then, for a wrong key, and where the server has other limits.
        """
        self._url, self._limits = url.rstrip("/"), limits
        self._retry_seconds, self._wait, self._clock = retry_seconds, wait, clock
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(answer_seconds, connect=10.0))
        try:
            self.facts = self._until_answered(lambda: self._decoded(self._client.get(f"{self._url}{PATH}"), JudgeFacts))
            if self.facts.limits != msgspec.to_builtins(asdict(limits)):
                raise EnvironmentFault(
                    f"the judge at {self._url} has other limits than the profile: {self.facts.limits}; "
                    "start it with the same profile"
                )
        except BaseException:
            self._client.close()
            raise

    def close(self) -> None:
        """Close the connections; the server goes on."""
        self._client.close()

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order. Raises EnvironmentFault when the server does not come back."""
        verdicts: dict[int, Verdict] = {}
        asked: list[int] = []
        for position, candidate in enumerate(candidates):
            verdict = self._unsendable(candidate)
            if verdict is not None:
                verdicts[position] = verdict
            else:
                asked.append(position)
        for positions in parts(asked, candidates, PART_CANDIDATES):
            verdicts |= zip(positions, self._answers([candidates[at] for at in positions]), strict=True)
            if progress is not None:
                progress(len(verdicts), len(candidates))
        return [verdicts[position] for position in range(len(candidates))]

    def _unsendable(self, candidate: Candidate) -> Verdict | None:
        """The verdict on what no JSON carries, or what the server would refuse for its length: a judge's own."""
        if len(candidate.code) > self._limits.source_kb * 1024:
            return _plain(candidate, "policy", f"the code is longer than {self._limits.source_kb} KiB")
        try:
            candidate.code.encode()
        except UnicodeEncodeError:
            return msgspec.structs.replace(_plain(candidate, "compile_error", "the code is not UTF-8"), compiles=False)
        return None

    def _answers(self, candidates: list[Candidate]) -> tuple[Verdict, ...]:
        asked = numbered(candidates)
        body = msgspec.json.encode(asked)

        def ask() -> tuple[Verdict, ...]:
            reply = self._client.post(f"{self._url}{PATH}", content=body, headers={"Content-Type": JSON})
            verdicts = self._decoded(reply, Verdicts).verdicts
            if not are_answers(verdicts, asked):
                raise _TryAgain("its verdicts are not those of the candidates, in their order")
            return verdicts

        pairs = zip(self._until_answered(ask), candidates, strict=True)
        return tuple(with_id(verdict, candidate.id) for verdict, candidate in pairs)

    def _decoded(self, reply: httpx.Response, kind: type[T]) -> T:
        if reply.status_code in (401, 403):
            raise EnvironmentFault(f"the judge at {self._url} refuses the key; set {KEY} to the server's")
        if 400 <= reply.status_code < 500 and reply.status_code not in (408, 429):
            raise EnvironmentFault(f"the judge at {self._url} refuses a request (HTTP {reply.status_code}): is it one?")
        if reply.status_code != 200:
            raise _TryAgain(f"it answers HTTP {reply.status_code}")
        try:
            return msgspec.json.decode(reply.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _TryAgain(f"its answer cannot be read: {error}") from error

    def _until_answered(self, ask: Callable[[], T]) -> T:
        started, pause = self._clock(), FIRST_WAIT
        while True:
            try:
                return ask()
            except (httpx.TransportError, _TryAgain) as error:
                reason = str(error) or type(error).__name__
                if self._clock() - started + pause > self._retry_seconds:
                    raise EnvironmentFault(
                        f"the judge at {self._url} gave no verdict in {self._retry_seconds:.0f} s: {reason}. Start it "
                        "with `python -m entrypoints.judge --serve`, and run this again: it resumes"
                    ) from error
            self._wait(pause)
            pause = min(2 * pause, LONGEST_WAIT)


def _plain(candidate: Candidate, status: Status, detail: str) -> Verdict:
    return unjudged_verdict(candidate.id, status, detail, SANDBOX)
