"""What an engine is opened with."""

from dataclasses import dataclass
from pathlib import Path

from rustml.errors import InputError
from rustml.profile.chat import ChatSection
from rustml.profile.evaluation import ServerSection
from rustml.progress import ProgressCallback, no_progress


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
    server: ServerSection | None = None
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
