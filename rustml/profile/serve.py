"""Profile section of serving."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Seconds

Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of an environment variable."""
Path = Annotated[str, Meta(pattern=r"^/[A-Za-z0-9_./-]*$")]
"""Path of a URL."""


class ServeSection(Section, frozen=True):
    """How the champion is served."""

    engine: Literal["vllm"]
    """The server; see rustml/serving/engines/."""
    host: str
    """Address to listen on. Any but a loopback address asks for a key in `key_variable`."""
    port: Annotated[int, Meta(ge=0, le=65535)]
    """0 takes a free one."""
    key_variable: Variable
    """Environment variable with the key that clients give as `Authorization: Bearer KEY`; may be unset on loopback."""
    paths: Annotated[tuple[Path, ...], Meta(min_length=1)]
    """Paths that clients may ask; any other is not found. `/health` needs no key, and may be asked always."""
    webhook_variable: Variable
    """Environment variable with the secret of MLflow's webhook: where it is set, `/hooks/mlflow` wakes `watch`."""
    poll_seconds: Seconds
    """How often a server that watches looks at the alias."""
    drain_seconds: Seconds
    """How long requests in flight may go on after the end was asked for, or on the old version after a swap."""
    max_requests: Positive
    """Requests in flight; further ones are refused with status 429."""
    max_request_kb: Positive
    """Size of a request's body, KiB."""
    max_answers: Positive
    """Answers, or prompts, that one request may ask for."""
    request_seconds: Seconds
    """Wall time of one request, from its first byte to the last of its answer."""
    context: Annotated[int, Meta(ge=64)]
    """Longest prompt and answer together, tokens."""
    startup_seconds: Seconds
    """Wall time within which the server must answer."""
    memory_share: Annotated[float, Meta(gt=0, le=1)]
    """Share of each GPU's memory for weights, keys and values. A server that watches holds two versions for a moment:
    at most half."""
    tensor_parallel: Positive
    """GPUs that share each layer."""
    options: tuple[str, ...]
    """Further words of the engine's command line, such as vLLM's `--distributed-executor-backend ray`."""
    cpu_cache_gb: Positive
    """Memory for keys and values where vLLM runs on a CPU, GiB."""
    enforce_eager: bool
    """Skip compilation: a slower server that starts in half the time."""
    smoke_problems: Positive
    """Held-out Rust problems that are asked through the OpenAI API; the answers are judged."""
    smoke_passes: Count
    """At least so many of them must pass their tests without a warning of clippy."""
    max_new_tokens: Positive
    """Of a smoke answer."""
