"""What client and server say to each other: JSON over HTTP.

`POST /v1/judge` takes a list of candidates and answers with Verdicts; `GET /v1/judge` says what judges (JudgeFacts).
"""

from typing import Any

from rustml.records import Record, Verdict

PATH = "/v1/judge"
HEALTH, METRICS = "/health", "/metrics"
KEY = "RUSTML_JUDGE_KEY"
"""Variable of the environment that holds the key of server and client."""
JSON = "application/json"


class JudgeFacts(Record, frozen=True):
    """What decides verdicts: equal facts give equal verdicts."""

    limits: dict[str, Any]
    rust: str
    """Version of the toolchain."""
    python: str
    sandbox: str
    code: str
    """Digest of the judge's own source."""
    crates: str = ""
    """Where crates come from that problems name."""


class Verdicts(Record, frozen=True):
    """The answer to a list of candidates: one verdict each, in their order."""

    verdicts: tuple[Verdict, ...]
