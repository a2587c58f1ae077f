"""Profile section of serving."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Seconds


class ServeSection(Section, frozen=True):
    """How the champion is served."""

    engine: Literal["vllm"]
    """The server; see rustml/serving/engines/."""
    host: str
    """Address to listen on; loopback unless a proxy with authentication stands before it."""
    port: Annotated[int, Meta(ge=0, le=65535)]
    """0 takes a free one."""
    context: Annotated[int, Meta(ge=64)]
    """Longest prompt and answer together, tokens."""
    startup_seconds: Seconds
    """Wall time within which the server must answer."""
    cpu_cache_gb: Positive
    """Memory for keys and values where vLLM runs on a CPU, GiB."""
    enforce_eager: bool
    """Skip compilation: a slower server that starts in half the time."""
    smoke_problems: Positive
    """Held-out Rust problems that are asked through the OpenAI API; the answers are judged."""
    smoke_passes: Count
    """At least so many of them must pass."""
    max_new_tokens: Positive
    """Of a smoke answer."""
