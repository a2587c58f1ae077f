"""SIGTERM in a training: the step is finished and saved, and then the training ends as at Ctrl-C.

Clusters and spot machines send it some time before they take a machine away.
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rustml.training import processes

log = logging.getLogger(__name__)


class Preemption(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Saves and ends the training after the step in which a process of it was told to end."""

    def __init__(self) -> None:
        self._told = self._saves = False

    def signalled(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler. A second signal raises KeyboardInterrupt at once."""
        if self._told:
            raise KeyboardInterrupt
        self._told = True
        log.warning("SIGTERM: the training ends when this step is done and saved; a second one ends it at once")

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002  the trainer's interface
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Ask for a save. Processes are told at different times, so that they agree at each step."""
        if processes.agreed(self._told):
            control.should_save = self._saves = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ARG002
        """Raises KeyboardInterrupt once the save that was asked for is written."""
        if self._saves:
            processes.barrier()
            raise KeyboardInterrupt


@contextmanager
def saved_on_sigterm(trainer: Trainer) -> Iterator[None]:
    """Within it SIGTERM saves before it ends a training. It changes nothing for one that saves nothing, nor outside of
    a program's main thread, where no handler can be set."""
    if trainer.args.save_strategy == "no" or threading.current_thread() is not threading.main_thread():
        yield
        return
    preemption = Preemption()
    trainer.add_callback(preemption)
    previous = signal.signal(signal.SIGTERM, preemption.signalled)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
