"""Profile section `launch`: over how many processes the stages train."""

import re
from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive

ADDRESS = re.compile(r"[^\s:]+:\d{1,5}")


class LaunchSection(Section, frozen=True):
    """Processes of the stages that train. A step of SFT takes the same records however many share it, so that weights
    differ by rounding alone (and by the masks of `dropout`): they are outside of its key, and a training that was
    killed may go on with another number. In GRPO each process draws its answers by its own random numbers: their
    number is in its key, and with another one it starts anew.
    """

    processes: Count
    """Processes per machine, one per GPU. 0: as many as GPUs are visible, and 1 without a GPU."""
    strategy: Literal["ddp", "fsdp"]
    """What the processes share. `ddp`: each holds all weights. `fsdp`: weights, gradients and optimizer are cut into as
    many parts (FSDP2); what is saved is whole all the same."""
    nodes: Positive
    """Machines. Above 1 the stage runs on the first; docs/training.md has the command for the others."""
    address: str
    """HOST:PORT of the first machine, on which the processes of all machines meet; empty for one machine."""

    gpu: str
    """Type of GPU, such as h100, for which hours and cost are reckoned before the start; empty: what is here."""
    gpu_hour_price: Annotated[float, Meta(ge=0)] | None
    """Price of one GPU for one hour, in the currency that you reckon in; null: hours alone are told."""
    assumed_utilisation: Annotated[float, Meta(gt=0, le=1)]
    """Share of the peak operations per second that is assumed before the start. After ten steps it is measured."""

    def __post_init__(self) -> None:
        """Raises ValueError for several machines without an address, or an address that is none."""
        if self.address and not ADDRESS.fullmatch(self.address):
            raise ValueError(f"address must be HOST:PORT, such as 10.0.0.1:29500, not {self.address!r}")
        if self.nodes > 1 and not self.address:
            raise ValueError("nodes above 1 needs an address: HOST:PORT of the first machine")
