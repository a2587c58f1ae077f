"""What a candidate may ask of the tests' functions and objects that it was given.

It may call a function, step an iterator, and see and change what an object shows.
This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import sys
import types
from typing import Any

from descriptions import FUNCTIONS, is_own  # type: ignore[import-not-found]
from file_service import Files  # type: ignore[import-not-found]
from operations import SPECIAL  # type: ignore[import-not-found]
from peer import Peer  # type: ignore[import-not-found]
from private_names import PrivateNames  # type: ignore[import-not-found]
from stand_ins import StandIn  # type: ignore[import-not-found]
from wire import Channel  # type: ignore[import-not-found]

_STEPPING = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_INPUT = builtins.input


class Answers(Peer):  # type: ignore[misc]
    """The tests' end of the conversation, as far as it answers."""

    def __init__(self, channel: Channel, private: PrivateNames) -> None:
        super().__init__(channel, 0)
        self._private = private
        self.files = Files("")
        """Makes and removes the candidate's files."""
        self.exported: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._added: set[tuple[int, str]] = set()

    def export(self, value: Any) -> int:
        """The number of an object that the tests hand over."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.exported)
            self.exported.append(value)
        return number

    def do_call(self, target: Any, arguments: Any, named: Any) -> Any:
        """Call an object of the tests that the candidate was given."""
        return self._given(target)(*arguments, **named)

    def do_get(self, target: Any, name: str) -> Any:
        """An attribute of an object of the tests; functions, classes, generators and modules show none."""
        if (isinstance(self._given(target), FUNCTIONS) and not is_own(target)) or not self._shown(target, name):
            raise AttributeError(name)
        if isinstance(target, _STEPPING) and name not in ("send", "throw", "close"):
            raise AttributeError(name)
        return getattr(target, name)

    def do_set(self, target: Any, name: str, value: Any) -> None:
        """Set an attribute of an object that the tests made, or add one to a class. Methods cannot be replaced."""
        own = is_own(self._given(target))
        taken = hasattr(target, name) and (id(target), name) not in self._added if own else _is_method(target, name)
        if (isinstance(target, FUNCTIONS) and not own) or not self._shown(target, name) or taken:
            raise AttributeError(name)
        self._added.add((id(target), name))
        setattr(target, name, _method(value) if own else value)

    def do_attributes(self, target: Any) -> dict[str, Any]:
        """The attributes of an object of the tests that a candidate may use."""
        return {name: value for name, value in vars(self._given(target)).items() if self._shown(target, name)}

    def do_operate(self, name: str, target: Any, *operands: Any) -> Any:
        """Apply a special method to an object of the tests."""
        if name not in SPECIAL and name not in ("__eq__", "__hash__", "__bool__", "__contains__"):
            raise AttributeError(name)
        return getattr(type(self._given(target)), name)(target, *operands)

    def do_file(self, what: str, paths: list[str], exclusive: bool) -> None:
        """Make, move or remove a file or folder."""
        self.files.do(what, paths, exclusive=exclusive)

    def do_read(self) -> str:
        """A line of what the tests put in the place of standard input."""
        return str(sys.stdin.readline())

    def do_input(self, prompt: str) -> str:
        """What `input` returns: also where the tests put a function of their own in its place."""
        if builtins.input is not _INPUT:
            return str(builtins.input(prompt))
        sys.stdout.write(prompt)
        line = self.do_read()
        if not line:
            raise EOFError("EOF when reading a line")
        return line.removesuffix("\n")

    def _shown(self, target: Any, name: Any) -> bool:
        """Whether a candidate may use an attribute: a public one, or a private one that the tests leave to it."""
        return str(name)[:1] != "_" or self._private.left_to(str(name), type(target))

    def _given(self, target: Any) -> Any:
        """`target`, which has to be something that the tests handed over."""
        if id(target) not in self._numbers:
            raise TypeError("the tests did not hand this over")
        return target


def _is_method(target: Any, name: str) -> bool:
    """Whether a class of the tests defines a method of this name, or another class, such as a mock's, anything."""
    kind = type(target)
    return callable(getattr(kind, name, None)) if is_own(kind) else hasattr(kind, name)


def _method(value: Any) -> Any:
    """A function of the candidate's that becomes an attribute of a class of the tests."""
    if not (isinstance(value, StandIn) and type(value).__name__ == "function"):
        return value

    def method(*given: Any, **named: Any) -> Any:
        return value(*given, **named)

    return method
