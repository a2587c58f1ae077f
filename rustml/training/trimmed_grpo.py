"""TRL's trainer without the work that adds nothing to a gradient: padding, answers of advantage 0, prompts again."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional
from trl import import_utils

from rustml.training import processes, sharding
from rustml.training.shared_prompts import SharedPrompts, shareable

# Where vLLM is installed, TRL imports all of it for a way to generate that no training here takes.
import_utils.is_vllm_available = lambda **_: False

from trl import GRPOTrainer  # noqa: E402

GROUP = 32
"""Rows of like length that are computed at once."""
ROUNDING = 1e-3
"""Smaller advantages come from equal rewards: one reward of eight that differs gives more than 0.3 to each."""


class TrimmedGRPOTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is untyped here
    """The same loss and the same gradient, but for rounding.

    A quarter of the groups have equal rewards. Of the other tokens most are padding to the longest answer, and prompts
    that several answers share. The normaliser, the tokens of all answers, was counted beforehand; the logged entropy is
    that of the rows computed.
    """

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        loss: torch.Tensor = super()._compute_loss(model, _with_advantage(inputs) if self._sums else inputs)
        return loss

    @property
    def _sums(self) -> bool:
        """Whether the loss is a sum over tokens to which a row of advantage 0 adds nothing."""
        return bool(self.loss_type == "dapo" and self.beta == 0 and self.args.entropy_coef == 0)

    def _shares(self, prompt: int, columns: int) -> bool:
        """Whether each prompt of so many columns is computed once, in rows of `columns`.

        Recomputed activations know no cache, and several processes have to take equally many passes.
        """
        kept = not self.args.gradient_checkpointing and not self.aux_loss_enabled
        return prompt > 1 and kept and processes.world() == 1 and shareable(self.model.config, columns)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,  # noqa: ARG002  the trainer's interface; groups are smaller
        **options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        first = input_ids.shape[1] - logits_to_keep
        shares = self._shares(first, input_ids.shape[1])
        prompts = SharedPrompts(model, input_ids[:, :first], attention_mask[:, :first]) if shares else None
        logps, entropies, rows = [], [], []
        # Processes that share weights exchange them in each pass, and so take one pass each.
        size = len(input_ids) if processes.world() > 1 and sharding.is_sharded(model) else GROUP
        for group, columns in trimmed(attention_mask, logits_to_keep, size):
            behind = input_ids.shape[1] - columns.stop
            if prompts is None:
                each, entropy, _ = super()._get_per_token_logps_and_entropies(
                    model, input_ids[group, columns], attention_mask[group, columns], logits_to_keep - behind, **options
                )
            else:
                answers = slice(first, columns.stop)
                scored = prompts.scored(group, input_ids[group, answers], attention_mask[group, answers])
                each, entropy = scored.log_probs, scored.entropy
            logps.append(functional.pad(each, (0, behind)))
            entropies += [] if entropy is None else [functional.pad(entropy, (0, behind))]
            rows.append(group)
        order = torch.cat(rows).argsort()
        return torch.cat(logps)[order], torch.cat(entropies)[order] if entropies else None, None


def trimmed(mask: torch.Tensor, completion: int, size: int = GROUP) -> Iterator[tuple[torch.Tensor, slice]]:
    """Rows of `mask`, `[rows, tokens]`, in groups by rising length of their last `completion` tokens, and the columns
    that a group uses; at least one of the last `completion`."""
    first_answer = mask.shape[1] - completion
    for group in torch.split(mask[:, first_answer:].sum(1).argsort(), size):
        used = mask[group].any(0).nonzero().flatten()
        start, stop = (int(used[0]), int(used[-1]) + 1) if len(used) else (first_answer, first_answer)
        yield group, slice(min(start, first_answer - 1), max(stop, first_answer + 1))


def _with_advantage(inputs: dict[str, Any]) -> dict[str, Any]:
    """The rows whose advantage is not 0, and where another process has more of them, as many others without tokens.

    At least one, since a loss needs a row; with its tokens where no process has a row with an advantage.
    """
    advantages = inputs["advantages"]
    lively = advantages.abs() > ROUNDING
    most = processes.largest(int(lively.sum()))
    rows = lively.to(torch.uint8).argsort(descending=True, stable=True)[: max(1, most)].sort().values
    whole = len(advantages)
    chosen = {
        name: value[rows] if isinstance(value, torch.Tensor) and value.ndim and len(value) == whole else value
        for name, value in inputs.items()
    }
    if most:
        chosen["completion_mask"] = chosen["completion_mask"] * lively[rows, None]
    return chosen
