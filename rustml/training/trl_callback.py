"""The callback that passes a trainer's scalar metrics and progress to a log function."""

from collections.abc import Mapping
from typing import Any

from transformers import TrainerState

from rustml.training.callback import Callback
from rustml.training.job import Log


class Reporter(Callback):
    """Calls `log(step, metrics)` whenever the trainer logs; the closing summary is left out."""

    def __init__(self, log: Log) -> None:
        self._log, self._logged = log, 0

    def at_log(self, state: TrainerState, metrics: Mapping[str, Any]) -> None:
        """Pass on the values that are numbers."""
        scalars = {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
        if scalars and "train_runtime" not in scalars:
            self._log(state.global_step, scalars)
            self._logged = state.global_step

    def at_end(self, model: Any, state: TrainerState) -> None:  # noqa: ARG002
        """Report the last step, which the trainer logs only where it is a multiple of `logging_steps`."""
        if state.global_step != self._logged:
            self._log(state.global_step, {})
