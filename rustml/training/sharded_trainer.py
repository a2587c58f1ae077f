"""A trainer's part for a model that is sharded already: saves as one process writes them, and resumes from them."""

from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from rustml.training import processes, sharding


class Sharded(Trainer):  # type: ignore[misc]  # transformers is untyped here
    """Mixed in before a trainer. Its optimizer is made of the sharded weights, fp32 masters included.

    Accelerate's own FSDP shards model and optimizer together, which optimizers over masters do not survive, and on a
    CPU it falls back to DDP without a word.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The trainer then leaves the model as it is. It is set here, since it refuses to save such a model's optimizer,
        # as `_save_optimizer_and_scheduler` below does.
        self.is_distributed_loading_by_transformers = True

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Whole weights; of adapters the adapter alone."""
        state = sharding.whole_state(self.model)
        if processes.writes():
            self._save(output_dir, state_dict=state)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        state = sharding.whole(self.optimizer.state_dict())
        if processes.writes():
            torch.save(state, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Nothing: the optimizer's state holds the weights that train, and restores them."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            # On the host: each process cuts its part from the whole, which a GPU might not hold.
            state = torch.load(Path(checkpoint) / OPTIMIZER_NAME, map_location="cpu", weights_only=True)
            self.optimizer.load_state_dict(state)
            self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULER_NAME, weights_only=True))
