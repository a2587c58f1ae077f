"""What an engine is opened with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rustml.errors import InputError
from rustml.profile.chat import ChatSection
from rustml.profile.evaluation import ServerSection
from rustml.progress import ProgressCallback, no_progress


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible server. Its key comes from the environment and stands in no file and no message."""

    base_url: str
    """As in `https://host/v1`, without user, password or query: it is logged."""
    model: str
    """Name by which the server knows its model."""
    key_variable: str
    """Environment variable that holds the server's key."""
    retries: int
    """Of a request that meets a rate limit, a server error or a broken connection; waits double from half a second."""
    timeout_seconds: float
    """Of one request."""
    concurrency: int
    """Requests at once."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Further fields of each request, as in `{"chat_template_kwargs": {"enable_thinking": False}}` for vLLM."""

    @classmethod
    def from_section(cls, section: ServerSection) -> "Server":
        """What a profile says."""
        return cls(
            base_url=section.base_url,
            model=section.model,
            key_variable=section.key_variable,
            retries=section.retries,
            timeout_seconds=section.timeout_seconds,
            concurrency=section.concurrency,
            extra=section.extra,
        )


@dataclass(frozen=True)
class Setup:
    """The model and how it computes; each engine takes of it what it needs."""

    chat: ChatSection
    model: Path | None = None
    """Folder of a checkpoint; None for a model behind a server."""
    dtype: str = "bfloat16"
    attention: str = "sdpa"
    """A name of transformers; vLLM and servers choose their own."""
    batch_size: int = 1
    """Sequences generated at once."""
    context: int | None = None
    """Longest prompt and answer together, tokens; None takes the model's own."""
    server: Server | None = None
    progress: ProgressCallback = no_progress
    """Told of prompts answered."""
    engine_key: str = "evaluation.engine"
    """The profile key that chose the engine, for messages."""

    @property
    def folder(self) -> Path:
        """The checkpoint's folder, for engines that hold the model. Raises InputError where there is none."""
        if self.model is None:
            raise InputError("this engine loads a checkpoint, and none was named: give its folder")
        return self.model
