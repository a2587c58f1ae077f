"""The base of the callbacks that act on the model or on logged metrics, and the switch to evaluation mode."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Callback(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Translates the trainer's events to methods that take only what they use. Subclasses override `at_…`."""

    def at_start(self, model: Any, state: TrainerState) -> None:
        """Before the first step of this process; a resumed training starts at a later `state.global_step`."""

    def at_step(self, model: Any, state: TrainerState, control: TrainerControl) -> None:
        """After each step."""

    def at_end(self, model: Any, state: TrainerState) -> None:
        """After the last step, which may come before `state.max_steps`."""

    def at_log(self, state: TrainerState, metrics: Mapping[str, Any]) -> None:
        """When the trainer logs."""

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002  the trainer's interface
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        model: Any = None,
        **_: Any,
    ) -> None:
        """The trainer's event."""
        self.at_start(model, state)

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **_: Any,
    ) -> None:
        """The trainer's event."""
        self.at_step(model, state, control)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:  # noqa: ARG002
        """The trainer's event."""
        self.at_end(given.get("model"), state)

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """The trainer's event."""
        self.at_log(state, logs or {})


@contextmanager
def evaluation_mode(model: Any) -> Iterator[None]:
    """Within it nothing drops out; afterwards the model is in the mode in which it was."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
