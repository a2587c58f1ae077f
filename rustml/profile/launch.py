"""Profile section `launch`: over how many processes SFT trains."""

import re
from typing import Literal

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive

ADDRESS = re.compile(r"[^\s:]+:\d{1,5}")


class LaunchSection(Section, frozen=True):
    """Processes of supervised fine-tuning. They are outside its stage key: a step takes the same records however many
    share it, so that weights differ by rounding alone, and a training that was killed may go on with another number."""

    processes: Count
    """Processes per machine, one per GPU. 0: as many as GPUs are visible, and 1 without a GPU."""
    strategy: Literal["ddp", "fsdp"]
    """What the processes share. `ddp`: each holds all weights. `fsdp`: weights, gradients and optimizer are cut into as
    many parts (FSDP2); what is saved is whole all the same."""
    nodes: Positive
    """Machines. Above 1 the stage runs on the first; docs/training.md has the command for the others."""
    address: str
    """HOST:PORT of the first machine, on which the processes of all machines meet; empty for one machine."""

    def __post_init__(self) -> None:
        """Raises ValueError for several machines without an address, or an address that is none."""
        if self.address and not ADDRESS.fullmatch(self.address):
            raise ValueError(f"address must be HOST:PORT, such as 10.0.0.1:29500, not {self.address!r}")
        if self.nodes > 1 and not self.address:
            raise ValueError("nodes above 1 needs an address: HOST:PORT of the first machine")
