"""What a name means in a file of a crate, as far as imports and the names of items say it."""

from pathlib import PurePosixPath

from rustml.judge.screening.imports import imported_name
from rustml.mining.items import CrateItems, Item

STANDARD = {"std", "core", "alloc"}


class Scope:
    """Looks names up for one function."""

    def __init__(self, crate: CrateItems, target: Item | None) -> None:
        """`target` is the function, which its own name means; None for one that is not among the crate's items."""
        self._crate, self._target = crate, target

    def named_in(self, name: str, file: str) -> list[Item]:
        """What a name means in a file."""
        named = self._crate.by_name.get(name, [])
        own = [item for item in named if item.file == file]
        if own or not named:
            return own
        imports = self._crate.files[file].leaves
        paths = [path for path in imports if imported_name(path) == name]
        if any(path.split("::")[0] in STANDARD for path in paths):
            return []
        is_open = any(path.endswith("*") and path.split("::")[0] not in STANDARD for path in imports)
        return self.anywhere(name, *paths[:1]) if paths or (is_open and not name.islower()) else []

    def anywhere(self, name: str, path: str = "") -> list[Item]:
        """The crate's items of this name: of several files, those in the module that `path` names; else of none.

        What is left out for that reason the compiler misses, and says so.
        """
        if self._target is not None and name == self._target.name and not self._target.owner:
            return [self._target]
        named = self._crate.by_name.get(name, [])
        if len({item.file for item in named}) > 1:
            modules = set(path.split("::")[:-1])
            named = [item for item in named if PurePosixPath(item.file).stem in modules]
        return named if len({item.file for item in named}) == 1 else []
