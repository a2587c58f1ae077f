"""From the trainers' log to ours: one callback that hands on scalar metrics and progress."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

Log = Callable[[int, dict[str, float]], None]
"""Takes a step, counted from 1, and its scalar metrics."""


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Calls `log(step, metrics)` whenever the trainer logs; the closing summary is left out."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002  the trainer's interface
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Hand on what is a number, under names that MLflow accepts."""
        scalars = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        if scalars and "train_runtime" not in scalars:
            self._log(state.global_step, scalars)
