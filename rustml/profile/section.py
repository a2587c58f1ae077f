"""The base of every profile section."""

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a profile that one stage reads.

    Fields have no defaults: a profile states everything that a run used, so that it can be read off the run.
    Bounds are given with `Annotated[T, msgspec.Meta(...)]`; a docstring under each field says what it means.
    """
