"""Holds a candidate and does what the tests ask: look a name up, call, get and set attributes, apply an operation.

The candidate controls this process, and with it nothing but the values that it returns.
This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import os
import sys
import types
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib takes longer to import than all else

import claims  # type: ignore[import-not-found]
import file_service  # type: ignore[import-not-found]
import guests  # type: ignore[import-not-found]
import streams  # type: ignore[import-not-found]
from below import Below, special_names  # type: ignore[import-not-found]
from equality import equality, tells_apart  # type: ignore[import-not-found]
from wire import COPIES, HARMLESS, Channel, pack_data  # type: ignore[import-not-found]

_CONTENTS: tuple[tuple[type, Any], ...] = (
    (list, lambda value: list(list.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: set(set.__iter__(value))),
    (bytearray, lambda value: bytearray(bytes(value))),
)
_ABSTRACT = ("collections.abc", "numbers")
_UNSHARED = object()


class Host(Below):  # type: ignore[misc]
    """One candidate's module and the objects that the tests hold."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._numbers: dict[int, int] = {}
        self._next = 0
        self._guests: dict[int, Any] = {}
        self._able: dict[type, bool] = {}
        self._printed, self._warned = streams.Printed(), streams.Printed()
        self._loop: Any = None
        sys.modules["candidate"] = self._module
        sys.stdout, sys.stderr = self._printed, self._warned
        sys.stdin = streams.Asked(lambda: self.request("read"))
        builtins.input = lambda prompt="", /: self.request("input", str(prompt))

    def aside(self) -> list[list[str]]:
        """What was printed since the last message, on standard output and on standard error."""
        return [self._printed.taken(), self._warned.taken()]

    def take_aside(self, message: Any) -> None:
        """Forget the objects that the tests hold no more."""
        for number in message:
            self._numbers.pop(id(self._objects.pop(number, _UNSHARED)), None)

    # What is sent

    def pack_object(self, value: Any) -> Any:
        """An object as its number and its class, and the data in it where its class derives from a type of data."""
        number = guests.number_of(value)
        if number is not None:
            return ["eg", number, self._added(value)] if isinstance(value, BaseException) else ["g", number]
        if isinstance(value, BaseException):
            return self._error(value)
        if (
            isinstance(value, types.ModuleType)
            and sys.modules.get(value.__name__) is value
            and value is not self._module
        ):
            return ["mod", value.__name__]
        if isinstance(value, type):
            return _harmless(value) or self._class(value)
        public = _harmless(value)
        return public or ["h", self._number(value), self._described_class(type(value)), self._data(value)]

    def _data(self, value: Any) -> Any:
        base = next((base for base in COPIES if isinstance(value, base)), None)
        return self.pack(COPIES[base](value)) if base is not None else None

    def _error(self, error: BaseException) -> list[Any]:
        try:
            group = isinstance(error, BaseExceptionGroup)
            given = [error.message, list(error.exceptions)] if group else list(error.args)  # type: ignore[attr-defined]
            arguments, text = self.pack(given), str(error)[:5000]
        except BaseException:
            arguments, text = self.pack([]), ""
        cause = None if error.__cause__ is None else self.pack(error.__cause__)
        held = self._added(error)
        return ["e", self._class(type(error)), arguments, text, self._number(error), cause, held]

    def _added(self, error: BaseException) -> list[list[Any]]:
        return [[name, self.pack(value)] for name, value in vars(error).items() if _own(name)]

    def _class(self, kind: type) -> list[Any]:
        known = pack_data(kind, self.pack) or (_harmless(kind) if issubclass(kind, BaseException) else None)
        return list(known) if known else self._described_class(kind)

    def _described_class(self, kind: type) -> list[Any]:
        """A class by what it offers: also one of the language's, of which the tests make no object, such as `map`."""
        number = self._number(kind)
        if number in self._described:
            return ["k", number]
        self._described.add(number)
        special = special_names(kind)
        fields = [str(name) for name in getattr(kind, "__dataclass_fields__", ())]
        abstract = [base.__name__ for base in kind.__mro__ if base.__module__ in _ABSTRACT]
        bases = [self._class(base) for base in kind.__bases__]
        return ["k", number, kind.__name__, kind.__module__, bases, special, fields, abstract]

    def _number(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = self._next
            self._objects[number] = value
            self._next += 1
        return number

    # What arrives

    def unpack_h(self, number: int) -> Any:
        """An object that the tests got from here."""
        return self._objects[number]

    def unpack_g(self, number: int, kind: str, name: str, special: list[str], *more: Any) -> Any:
        """An object of the tests."""
        if number not in self._guests:
            held = [[self.unpack(base) for base in more[0]], more[1]] if kind == "class" else map(self.unpack, more)
            self._guests[number] = guests.guest(self.request, number, kind, name, special, *held)
        return self._guests[number]

    def unpack_std(self, module: str, name: str) -> Any:
        """A function or class of the standard library."""
        value = self.unpack_mod(module)
        for part in name.split("."):
            value = getattr(value, part)
        return value

    def unpack_e(self, kind: Any, arguments: Any, text: str, number: int) -> BaseException:
        """An exception that the tests raised: of their class, and itself when it comes back."""
        error: BaseException = guests.error(self.request, self.unpack(kind), self.unpack(arguments), text, number)
        return error

    # What the tests ask

    def do_compile(self, code: str) -> None:
        """Compile the candidate's code."""
        self._code = compile(code, "candidate.py", "exec", dont_inherit=True)

    def do_load(self) -> None:
        """Run the candidate's code as a module."""
        exec(self._code, self._module.__dict__)  # noqa: S102 - in the sandbox, and what the sandbox is for

    def do_names(self) -> list[str]:
        """The names that the module defines."""
        return [name for name in self._module.__dict__ if isinstance(name, str)]

    def do_name(self, name: str) -> Any:
        """The value of a name of the module."""
        return self._module.__dict__[name]

    def do_define(self, name: str, value: Any) -> None:
        """Set a name of the module."""
        self._module.__dict__[name] = value

    def do_undefine(self, name: str) -> None:
        """Take a name out of the module."""
        del self._module.__dict__[name]

    def do_call(self, target: Any, arguments: Any, named: Any) -> Any:
        """Call an object."""
        return target(*arguments, **named)

    def do_get(self, target: Any, name: str) -> Any:
        """The value of an object's attribute."""
        return getattr(target, name)

    def do_set(self, target: Any, name: str, value: Any) -> None:
        """Set an object's attribute."""
        setattr(target, name, value)

    def do_delete(self, target: Any, name: str) -> None:
        """Delete an object's attribute."""
        delattr(target, name)

    def do_operate(self, name: str, target: Any, *operands: Any) -> Any:
        """Apply a special method, such as `__getitem__`, to an object."""
        if name == "__getitem__":
            return target[operands[0]]
        if name == "__dir__":
            return dir(target)
        if name == "__repr__":
            return repr(target)
        return getattr(type(target), name)(target, *operands)

    def do_truth(self, target: Any) -> bool:
        """What an object says of its own truth."""
        return bool(target)

    def do_content(self, target: Any) -> Any:
        """What an object of a class derived from a container holds, by the container's own means."""
        return next(content(target) for base, content in _CONTENTS if isinstance(target, base))

    def do_equal(self, one: Any, other: Any) -> bool:
        """Whether two objects are equal, by an equality that can tell objects apart at all."""
        answer = equality(one)(other)
        if answer is NotImplemented:
            answer = equality(other)(one)
        return answer is True and self._tells_apart(one)

    def do_equals(self, target: Any, values: Any) -> tuple[bool, ...]:
        """Which of some values an object equals."""
        return tuple(equality(target)(value) is True for value in values)

    def do_claims(self, target: Any) -> Any:
        """The values in an object that it equals."""
        return claims.claims(target)

    def _tells_apart(self, value: Any) -> bool:
        kind = type(value)
        if kind not in self._able:
            self._able[kind] = tells_apart(value, equality)
        return self._able[kind]

    def do_instance(self, target: Any, kind: Any) -> bool:
        """Whether an object is of a class that has its own idea of what its instances are."""
        return isinstance(target, kind)

    def do_await(self, target: Any) -> Any:
        """Run an awaitable to its end."""
        import asyncio  # noqa: PLC0415 - it takes longer to import than all else

        async def wait() -> Any:
            return await target

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(wait())


def _harmless(value: Any) -> Any:
    """How to name a function or class of the standard library; None for anything else."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if type(module) is str and type(name) is str and module in HARMLESS and callable(value):
        return ["std", module, name] if getattr(sys.modules.get(module), name, None) is value else None
    return None


def _own(name: Any) -> bool:
    """Whether an attribute of an exception is the candidate's, or one of its notes."""
    return type(name) is str and (name == "__notes__" or name[:1].isalpha())


def main() -> None:
    """Serve the tests on descriptors 3 and 4 until they go away."""
    sys.setrecursionlimit(20_000)
    host = Host(Channel(3, 4))
    if os.environ.pop("RUSTML_ASKS_FOR_FILES", ""):
        file_service.install(host.request)
    host.serve()


if __name__ == "__main__":
    main()
