"""The trainer that says how the seconds of a step are spent."""

import time
from typing import Any

import torch

from rustml.training.trimmed_grpo import TrimmedGRPOTrainer


class TimedGRPOTrainer(TrimmedGRPOTrainer):
    """Logs `seconds.draw`, in which answers are drawn, and `seconds.train`, of the step's forward and backward passes.

    The reward logs `judge.wait_seconds`. Where a step draws again, `seconds.draw` is the mean of its draws.
    """

    _rollout = 0.0
    """Seconds of drawing and scoring within the pass that is running."""

    def _generate(self, prompts: list[Any]) -> Any:
        started = time.monotonic()
        drawn = super()._generate(prompts)
        self._metrics["train"]["seconds.draw"].append(time.monotonic() - started)
        return drawn

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        started = time.monotonic()
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self._rollout += time.monotonic() - started
        return output

    def training_step(self, *given: Any, **options: Any) -> torch.Tensor:
        """One of the passes of a step, the first of which draws its answers."""
        started, self._rollout = time.monotonic(), 0.0
        loss: torch.Tensor = super().training_step(*given, **options)
        seconds = time.monotonic() - started - self._rollout
        # Logged is the mean over the passes.
        self._metrics["train"]["seconds.train"].append(seconds * self.args.gradient_accumulation_steps)
        return loss
