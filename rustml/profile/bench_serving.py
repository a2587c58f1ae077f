"""Profile section of the load test."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Positive, Rate, Seconds


class GoodputSection(Section, frozen=True):
    """Limits of latency. A request that keeps all of them counts for goodput."""

    ttft_ms: Rate
    """Time to the first token, milliseconds."""
    tpot_ms: Rate
    """Time per output token after the first, milliseconds."""
    end_to_end_ms: Rate
    """Time to the last token, milliseconds."""


class BenchServingSection(Section, frozen=True):
    """How the load of many clients is put on a server."""

    concurrency: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """Levels: requests in flight at a time. At most `serve.max_requests`."""
    requests: Positive
    """Requests of each level. The prompts are held-out Rust problems, repeated where there are fewer."""
    max_new_tokens: Positive
    """Longest answer. An answer may end before."""
    seconds: Seconds
    """Wall time of one level, the client's start included; requests that are left then are cut off, and count as
    failed."""
    goodput: GoodputSection
