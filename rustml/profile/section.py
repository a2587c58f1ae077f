"""The base of every profile section."""

from typing import ClassVar, Self

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a profile that one stage reads.

    Defaults stand in `profiles/defaults.yaml`, not here. Three things are exceptions: members of a union and entries
    under free names, whose defaults no other profile can hold, and lists of further things, which are empty here.
    Bounds are given with `Annotated[T, msgspec.Meta(...)]`; a docstring under each field says what it means, and
    docs/profile.md is made from both.
    """

    one_of: ClassVar[tuple[frozenset[str], ...]] = ()
    """Sets of keys of which one holds a value: a layer that states one of them takes the others away."""

    def for_key(self) -> Self:
        """The section as stage keys hold it: values that change no result are all the same one."""
        return self
