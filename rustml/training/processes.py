"""The processes of one training, as its code sees them: one of them alone, or several that agree."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

T = TypeVar("T")
TIMEOUT = timedelta(hours=2)
"""How long a process waits for the others: validation and saves of large models take long on one of them."""


def world() -> int:
    """How many processes train together; 1 where this one trains alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def writes() -> bool:
    """Whether this process writes what all of them share: it is the first one."""
    return rank() == 0


def barrier() -> None:
    """Wait until every process is here."""
    if world() > 1:
        distributed.barrier()


def agreed(flag: bool) -> bool:
    """Whether `flag` is true in any process; every process has to ask."""
    return summed(float(flag))[0] > 0


def summed(*values: float) -> list[float]:
    """The sums of each value over the processes, which all have to ask."""
    sums = torch.tensor(values, dtype=torch.float64, device=_device())
    if world() > 1:
        distributed.all_reduce(sums)
    return [float(each) for each in sums]


def largest(value: int) -> int:
    """The largest `value` of any process; every process has to ask."""
    most = torch.tensor(value, device=_device())
    if world() > 1:
        distributed.all_reduce(most, op=distributed.ReduceOp.MAX)
    return int(most)


def gathered(values: Sequence[T]) -> list[T]:
    """The values of all processes, those of the first one first; every process has to ask."""
    if world() == 1:
        return list(values)
    parts: list[Sequence[T]] = [()] * world()
    distributed.all_gather_object(parts, list(values))
    return [value for part in parts for value in part]


def part(values: Sequence[T]) -> Sequence[T]:
    """This process's share of `values`, those of the first process first; what does not divide is left out."""
    size = len(values) // world()
    return values[rank() * size : (rank() + 1) * size]


def dealt(values: Sequence[T]) -> Sequence[T]:
    """Every so manieth of `values`, so that the processes share all of them."""
    return values[rank() :: world()]


def _device() -> str:
    """Where the tensors lie that processes exchange."""
    return "cuda" if world() > 1 and distributed.get_backend() == "nccl" else "cpu"


def shared(value: object) -> object:
    """The first process's `value`, in every process."""
    if world() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]
