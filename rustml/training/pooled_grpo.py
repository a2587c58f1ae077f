"""The trainer that chooses its prompts by their pass rate and draws groups without signal again."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from rustml.training import processes
from rustml.training.pools import Pools
from rustml.training.repairs import Repair, Repairs
from rustml.training.timed_grpo import TimedGRPOTrainer
from rustml.training.trimmed_grpo import ROUNDING

Batch = dict[str, Any]


class PooledGRPOTrainer(TimedGRPOTrainer):
    """Dynamic sampling (Yu et al., "DAPO", 2025) with a bound: what has no signal after it stays as it is.

    Each generation draws from `pools` where they choose, else it takes the trainer's own prompts; the last of them give
    way to `repairs` that wait. Metrics of a step that draws again are means over its draws; `groups.*` says what the
    step came to.
    """

    def __init__(self, *, pools: Pools, repairs: Repairs, **options: Any) -> None:
        super().__init__(**options)
        self._pools, self._repairs = pools, repairs
        self._by_name = {str(row["problem_id"]): dict(row) for row in options["train_dataset"]}
        self._restored = False

    def _generate_and_score_completions(self, inputs: list[Batch]) -> Batch:
        step, size = int(self.state.global_step), int(self.num_generations)
        if not self._restored:
            self._pools.restore(step)
            self._repairs.restore(step)
            self._restored = True
        names, repairs = self._asked(inputs, step, size)
        rows = [*self._rows(names, size), *(_row(one) for one in repairs for _ in range(size))]
        output: Batch = super()._generate_and_score_completions(rows)
        output["advantages"] = self._repairs.weighted(output["advantages"], len(repairs) * size)
        first = processes.gathered(signals(output["advantages"], size))
        output, again = self._drawn_again(output, processes.gathered(names), size)
        self._report(first, processes.gathered(signals(output["advantages"], size)), len(first) + again)
        return output

    def _drawn_again(self, output: Batch, names: Sequence[str], size: int) -> tuple[Batch, int]:
        """`output` with other groups in the place of those without signal, and how many were drawn for that.

        Each process draws as many as the one that lacks most: what a step exchanges has to have one size.
        """
        step, known = int(self.state.global_step), list(names)
        for attempt in range(1, self._pools.resamples + 1):
            empty = [place for place, signal in enumerate(signals(output["advantages"], size)) if not signal]
            wanted = processes.largest(len(empty)) * processes.world()
            others = self._pools.draw(step, attempt, wanted, without=known)
            ours = processes.part(others)
            if not ours:
                break
            again = super()._generate_and_score_completions(self._rows(ours, size))
            output = spliced(output, again, empty, size)
            known += processes.gathered(ours)
        if len(known) > len(names):
            output["num_items_in_batch"] = self._items(output)
        return output, len(known) - len(names)

    def _items(self, output: Batch) -> torch.Tensor:
        """Tokens of the answers of all processes."""
        (items,) = processes.summed(float(output["completion_mask"].sum()))
        return torch.tensor(int(items), device=output["completion_mask"].device)

    def _asked(self, inputs: list[Batch], step: int, size: int) -> tuple[list[str], list[Repair]]:
        """The problems of this step, and the repairs, which take the places of the last problems: this process's."""
        names = [str(row["problem_id"]) for row in inputs[::size]]
        repairs = self._repairs.waiting(step, len(names))
        problems = len(names) - len(repairs)
        if not self._pools.chooses:
            return names[:problems], repairs
        of_each = processes.gathered([problems])
        start = sum(of_each[: processes.rank()])
        return self._pools.draw(step, 0, sum(of_each))[start : start + problems], repairs

    def _rows(self, names: Sequence[str], size: int) -> list[Batch]:
        return [{**self._by_name[name], "repair": None} for name in names for _ in range(size)]

    def _report(self, first: Sequence[bool], last: Sequence[bool], drawn: int) -> None:
        metrics = self._metrics["train"]
        metrics["groups.signal_first"].append(sum(first) / len(first))
        metrics["groups.signal"].append(sum(last) / len(last))
        metrics["groups.drawn"].append(float(drawn))
        for name, count in self._pools.sizes().items():
            metrics[f"pool.{name}"].append(float(count))


def _row(repair: Repair) -> Batch:
    return {"prompt": repair.prompt, "problem_id": repair.problem, "repair": repair}


def signals(advantages: torch.Tensor, size: int) -> list[bool]:
    """Of each group of `size` answers, whether any has an advantage."""
    return [bool(signal) for signal in (advantages.view(-1, size).abs() > ROUNDING).any(1)]


def spliced(batch: Batch, again: Batch, groups: Sequence[int], size: int) -> Batch:
    """`batch` with those groups of `again` that have a signal in the place of `groups`, each in the place of its own
    number, as far as there are both.

    Prompts are padded on the left and everything else on the right, to the longer of both. The normaliser, the tokens
    of all answers, is left as it was.
    """
    lively = signals(again["advantages"], size)
    pairs = [(group, place) for place, (group, signal) in enumerate(zip(groups, lively, strict=False)) if signal]
    if not pairs:
        return batch
    device = batch["advantages"].device
    ours, theirs = (
        torch.tensor([place * size + each for place in places for each in range(size)], device=device)
        for places in zip(*pairs, strict=True)
    )
    result = dict(batch)
    for name, value in batch.items():
        if isinstance(value, torch.Tensor) and value.ndim:
            here, there = _aligned(value, again[name], left=name.startswith("prompt"))
            result[name] = here.index_copy(0, ours, there[theirs].to(here.dtype))
    return result


def _aligned(one: torch.Tensor, other: torch.Tensor, *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Both tensors as wide as the wider one. Padding is 0: masks say that it does not count."""
    if one.ndim < 2:
        return one, other
    width = max(one.shape[1], other.shape[1])
    first, second = (
        functional.pad(each, (width - each.shape[1], 0) if left else (0, width - each.shape[1]))
        for each in (one, other)
    )
    return first, second
