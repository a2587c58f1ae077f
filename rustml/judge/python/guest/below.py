"""What the tests make in the candidate's process: classes that derive from its own, seeds and replacements.

This file runs inside the sandbox and imports nothing of rustml.
"""

import os
import sys
import types
from typing import Any

import guests  # type: ignore[import-not-found]
from equality import tells_apart  # type: ignore[import-not-found]
from peer import Peer  # type: ignore[import-not-found]
from wire import Channel  # type: ignore[import-not-found]


class Below(Peer):  # type: ignore[misc]
    """The candidate's end of the conversation, as far as the tests make things in it."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, 1)
        self._objects: dict[int, Any] = {}
        self._described: set[int] = set()
        self._module = types.ModuleType("candidate")
        self._memo: tuple[int, dict[int, Any]] = (-1, {})
        self._originals: dict[tuple[str, str], Any] = {}

    def _number(self, value: Any) -> int:
        raise NotImplementedError

    def unpack_mod(self, name: str) -> Any:
        """A module of the standard library."""
        __import__(name)
        return sys.modules[name]

    def do_equal_above(self, kind: Any, one: Any, other: Any) -> bool:
        """The same, by the equality that stands above a class."""
        compare = super(self._class_of(kind), one).__eq__
        return compare(other) is True and tells_apart(one, lambda value: super(self._class_of(kind), value).__eq__)

    def _class_of(self, kind: Any) -> Any:
        return self._objects[kind] if type(kind) is int else kind

    def do_derive(self, name: str, bases: Any, members: Any, named: Any) -> Any:
        """Make a class of the tests that stands below one of the candidate's."""
        kind = guests.derived(name, tuple(map(self._class_of, bases)), members, named)
        number = self._number(kind)
        self._described.add(number)
        return number, special_names(kind)

    def do_data_class(self, kind: Any, named: Any) -> Any:
        """Make a data class of a class."""
        import dataclasses  # noqa: PLC0415 - rarely needed

        made = dataclasses.dataclass(**named)(kind)
        return tuple(made.__dataclass_fields__), special_names(made)

    def do_above(self, kind: Any, target: Any, name: str) -> Any:
        """An attribute as `super()` finds it."""
        return getattr(super(self._class_of(kind), target), name)

    def do_signature(self, target: Any) -> Any:
        """Name, kind, default and annotation of each parameter, and the annotation of the result."""
        import inspect  # noqa: PLC0415 - it takes longer to import than all else

        def held(value: Any) -> tuple[Any, ...]:
            return () if value is inspect.Parameter.empty else (value,)

        try:
            found = inspect.signature(target)
        except (TypeError, ValueError):
            return None, ()
        rows = [(one.name, int(one.kind), held(one.default), held(one.annotation)) for one in found.parameters.values()]
        return rows, held(found.return_annotation)

    def do_copy(self, target: Any, memo: int) -> Any:
        """A copy of an object: a deep one, with what was copied for the same memo, where that is not -1."""
        import copy  # noqa: PLC0415 - rarely needed

        if memo == -1:
            return copy.copy(target)
        if self._memo[0] != memo:
            self._memo = (memo, {})
        return copy.deepcopy(target, self._memo[1])

    def do_pickle(self, target: Any, protocol: int) -> bytes:
        """An object as pickle writes it."""
        return bytes(self.unpack_mod("pickle").dumps(target, protocol))

    def do_unpickle(self, data: bytes) -> Any:
        """An object that pickle wrote."""
        return self.unpack_mod("pickle").loads(data)

    def do_evaluate(self, text: str, names: dict[str, Any]) -> Any:
        """The value of an expression, beside what the candidate defines."""
        return eval(text, {**self._module.__dict__, **names})  # noqa: S307 - in the sandbox

    def do_execute(self, text: str, names: dict[str, Any]) -> dict[str, Any]:
        """Run statements, and return what they define."""
        space = {**self._module.__dict__, **names}
        before = dict(space)
        exec(text, space)  # noqa: S102 - in the sandbox
        return {name: value for name, value in space.items() if value is not before.get(name) and name[:2] != "__"}

    def do_seed(self, *given: Any) -> None:
        """Seed the generator as the tests seed theirs."""
        self.unpack_mod("random").seed(*given)

    def do_patch(self, module: str, name: str, replaced: bool, value: Any) -> None:
        """Replace what the tests replace: a name of a module, a variable of the environment, the working folder."""
        if module == "os.curdir":
            os.chdir(name)
        elif module == "os.environ":
            os.environ.pop(name, None)
            os.environ.update({name: value} if replaced else {})
        else:
            holder = self.unpack_mod(module)
            original = self._originals.setdefault((module, name), getattr(holder, name, None))
            setattr(holder, name, value if replaced else original)


def special_names(kind: type) -> list[str]:
    """The names of the special methods and attributes that a class itself defines."""
    return [name for name, value in vars(kind).items() if name[:2] == "__" and value is not None]
