"""Constrained numbers that several sections use."""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(gt=0)]
Seconds = Annotated[float, Meta(gt=0)]
Weight = Annotated[float, Meta(ge=0)]
"""How often a record is taken: 0 never, 2 twice."""
HeldOutPercent = Annotated[float, Meta(ge=0, le=50)]
"""Of what is kept away from training."""
