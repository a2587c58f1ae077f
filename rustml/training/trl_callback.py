"""The callback that passes a trainer's scalar metrics and progress to a log function."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rustml.training.job import Log


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Calls `log(step, metrics)` whenever the trainer logs; the closing summary is left out."""

    def __init__(self, log: Log) -> None:
        self._log, self._logged = log, 0

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002  the trainer's interface
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Pass on the values that are numbers."""
        scalars = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        if scalars and "train_runtime" not in scalars:
            self._log(state.global_step, scalars)
            self._logged = state.global_step

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ARG002
        """Report the last step, which the trainer logs only where it is a multiple of `logging_steps`."""
        if state.global_step != self._logged:
            self._log(state.global_step, {})
