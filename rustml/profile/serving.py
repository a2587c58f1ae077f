"""Profile sections of quantisation and serving."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section


class QuantizeSection(Section, frozen=True):
    """How weights are quantised for serving."""

    scheme: Literal["fp8_weight_only", "fp8_dynamic", "int3_weight_only"]
    """`fp8_weight_only`: e4m3 weights, one scale a row; any machine. `fp8_dynamic`: activations too, one scale a token;
    needs a GPU of compute capability 8.9. `int3_weight_only`: too coarse on purpose, to show a gate at work."""


class ServeSection(Section, frozen=True):
    """How the champion is served by vLLM."""

    host: str
    """Address to listen on; loopback unless a proxy with authentication stands before it."""
    port: Annotated[int, Meta(ge=0, le=65535)]
    """0 takes a free one."""
    context: Annotated[int, Meta(ge=64)]
    """Longest prompt and answer together, tokens."""
    startup_seconds: Annotated[float, Meta(gt=0)]
    """Wall time within which the server must answer."""
    cpu_cache_gb: Annotated[int, Meta(ge=1)]
    """Memory for keys and values where vLLM runs on a CPU, GiB."""
    enforce_eager: bool
    """Skip compilation: a slower server that starts in half the time."""
    smoke_problems: Annotated[int, Meta(ge=1)]
    """Held-out Rust problems that are asked through the OpenAI API; the answers are judged."""
    smoke_passes: Annotated[int, Meta(ge=0)]
    """At least so many of them must pass."""
    max_new_tokens: Annotated[int, Meta(ge=1)]
    """Of a smoke answer."""
