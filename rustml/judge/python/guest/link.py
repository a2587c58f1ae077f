"""The tests' end of the conversation with one candidate.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import collections
import collections.abc
import importlib
import io
import numbers
import sys
import traceback
import types
import weakref
from typing import Any

import operations  # type: ignore[import-not-found]
import stand_ins  # type: ignore[import-not-found]
from descriptions import FUNCTIONS, described  # type: ignore[import-not-found]
from outcomes import Failed  # type: ignore[import-not-found]
from peer import Peer  # type: ignore[import-not-found]
from script import Script  # type: ignore[import-not-found]
from stand_ins import NUMBER, StandIn, StandInType, number_of
from wire import HARMLESS, Channel  # type: ignore[import-not-found]

_NO_SURPRISES = frozenset(sys.stdlib_module_names) - {"antigravity", "this", "idlelib", "turtledemo"}
_STEPPING = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_STEPPED = ("__next__", "send", "throw", "__anext__", "asend", "athrow")
_MIXINS = frozenset(vars(collections.abc).keys() | vars(numbers).keys())


class Link(Peer):  # type: ignore[misc]
    """Asks the candidate for what the tests do with its objects; does what it asks of functions of the tests."""

    def __init__(self, channel: Channel, tests: Script) -> None:
        super().__init__(channel, 0)
        self._tests = tests
        self._known: dict[int, _Weak] = {}
        self._classes: dict[int, Any] = {}
        self._released: list[int] = []
        self._exported: list[Any] = []
        self._exported_numbers: dict[int, int] = {}
        self._special: dict[type, frozenset[str]] = {}
        self.swallowed = False
        """Whether an assertion failed in a function of the tests that the candidate called."""
        self._root = StandInType("object", (stand_ins.Opaque,), {"link": self, NUMBER: -1})

    def offered(self, entry_point: str) -> dict[str, Any]:
        """The names that the candidate's module gives to the tests. A name of the language's own keeps its meaning."""
        names = [name for name in self.request("names") if type(name) is str and name.isidentifier()]
        public = [name for name in names if name == entry_point or not (hasattr(builtins, name) or name[:2] == "__")]
        offers = {name: self.request("name", name) for name in public}
        for name in self._tests.classes & offers.keys():
            if isinstance(offers[name], StandInType):
                type.__setattr__(offers[name], "asked_for", True)
        return offers

    def get(self, target: Any, name: str) -> Any:
        """An attribute of an object of the candidate's."""
        value = self.request("get", target, name)
        if name in _STEPPED and isinstance(value, stand_ins.Opaque):
            object.__setattr__(value, "\x00steps", True)
        return value

    def special(self, kind: type) -> frozenset[str]:
        """The special methods that a class of the candidate's has, its bases' included."""
        return frozenset().union(*(self._special.get(base, ()) for base in kind.__mro__))

    def release(self, number: int) -> None:
        """Note that the tests hold an object no more."""
        if self._known.pop(number, None) is not None:
            self._released.append(number)

    def aside(self) -> list[int]:
        """The numbers of objects that the tests hold no more."""
        released, self._released = self._released, []
        return released

    def take_aside(self, message: Any) -> None:
        """Print what the candidate printed, where the tests may look for it."""
        for stream, texts in zip((sys.stdout, sys.stderr), message, strict=True):
            stream.write("".join(texts))

    def request(self, verb: str, *parts: Any) -> Any:
        """Ask the candidate; an exception that ends a loop is not passed on by a call."""
        try:
            return super().request(verb, *parts)
        except StopIteration as error:
            if verb != "call" or self._tests.stops or _steps(parts[0]):
                raise
            raise RuntimeError("the candidate raised StopIteration") from error

    def failed(self, error: BaseException) -> None:
        """A failed assertion counts, even where the candidate catches it."""
        self.swallowed = self.swallowed or self.fails(error, error.__traceback__)

    def fails(self, error: Any, trace: Any) -> bool:
        """Whether with this exception an assertion of the tests failed, or did not come to its end."""
        mine = isinstance(error, (AssertionError, Failed)) and not isinstance(error, StandIn)
        return mine or any(self._tests.asserts(*place) for place in traceback.walk_tb(trace))

    # What arrives

    def unpack_h(self, number: int, kind: Any, value: Any = None) -> Any:
        """The stand-in of an object, made where there is none; `value` is the data of one that is data."""
        reference = self._known.get(number)
        stand_in = reference() if reference is not None else None
        if stand_in is None:
            stand_in = self._made(self.unpack(kind), self.unpack(value))
            object.__setattr__(stand_in, NUMBER, int(number))
            self._known[number] = _Weak(stand_in)
            if number in self._released:
                self._released.remove(number)
        return stand_in

    def _made(self, kind: type, value: Any) -> Any:
        base = next((base for base in stand_ins.VALUES if issubclass(kind, base)), None)
        return base.__new__(kind, value) if base is not None else object.__new__(kind)

    def unpack_k(self, number: int, *parts: Any) -> Any:
        """A class of the candidate's; described where it comes for the first time."""
        if parts and number not in self._classes:
            self._classes[number] = self._class(int(number), *parts)
        return self._classes[number]

    def _class(self, number: int, name: str, module: str, bases: list[Any], special: list[str], *more: Any) -> type:
        parents = self._parents([self.unpack(base) for base in bases])
        chosen = frozenset(map(str, special))
        fields = tuple(map(str, more[0])) if more and more[0] else ()
        space = {"link": self, NUMBER: number, "__module__": str(module), "__doc__": stand_ins.Documentation()}
        space |= operations.methods(chosen, parents, fields) | operations.BY_CONTENT.get(f"{module}.{name}", {})
        try:
            kind: type = StandInType(str(name), parents, space)
        except TypeError:  # no order of its bases suits this process
            kind = StandInType(str(name), (self._root,), space)
        self._special[kind] = chosen
        for abstract in more[1] if len(more) > 1 else ():
            self._register(kind, str(abstract))
        return kind

    def _parents(self, bases: list[type]) -> tuple[type, ...]:
        ours: list[type] = [base for base in bases if isinstance(base, StandInType) and base is not self._root]
        plain = [base for base in bases if not isinstance(base, StandInType)]
        data = [base for base in plain if base in stand_ins.VALUES or issubclass(base, BaseException)]
        if ours:
            return (*ours, *data)
        if data:
            return (StandIn, *data)
        return (stand_ins.Content,) if any(issubclass(base, stand_ins.CONTENTS) for base in bases) else (self._root,)

    @staticmethod
    def _register(kind: type, name: str) -> None:
        for module in (collections.abc, numbers):
            abstract = getattr(module, name, None)
            if name in _MIXINS and isinstance(abstract, type) and hasattr(abstract, "register"):
                abstract.register(kind)

    def unpack_e(self, kind: Any, arguments: Any, text: str, number: Any, cause: Any, held: Any) -> BaseException:
        """An exception of the candidate's, of the same class as far as the tests can tell."""
        found, values = self.unpack(kind), tuple(self.unpack(arguments))
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            raise TypeError("not an exception")
        if not isinstance(found, StandInType):
            plain = _library_error(found, values, text)
            plain.__cause__ = self.unpack(cause)
            plain.__dict__.update((str(name), self.unpack(value)) for name, value in held)
            return plain
        error: BaseException = found.__new__(found, *values)
        object.__setattr__(error, NUMBER, int(number))
        object.__setattr__(error, "args", values)
        object.__setattr__(error, "__cause__", self.unpack(cause))
        return error

    def unpack_g(self, number: int) -> Any:
        """An object of the tests' own that comes back."""
        return self._exported[number]

    def unpack_mod(self, name: str) -> Any:
        """A module of the standard library: the tests use their own."""
        if name not in _NO_SURPRISES:
            raise ValueError(name)
        return importlib.import_module(name)

    def unpack_std(self, module: str, name: str) -> Any:
        """A function or class of the standard library that is harmless in the tests' hands."""
        value = getattr(importlib.import_module(module), name) if module in HARMLESS else None
        if not callable(value) or value in (eval, exec, compile, open, input, breakpoint, __import__):
            raise ValueError(f"{module}.{name}")
        return value

    # What is sent

    def pack_object(self, value: Any) -> Any:
        """A stand-in as its number, an own function or object as one that the candidate may call back."""
        if isinstance(value, (StandIn, StandInType)):
            return ["h", number_of(value)]
        if isinstance(value, types.ModuleType):
            return ["mod", value.__name__]
        if isinstance(value, (types.TracebackType, types.FrameType, types.CodeType)):
            raise TypeError("the tests do not hand over their own insides")
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if module in sys.stdlib_module_names and getattr(sys.modules.get(module), name, None) is value:
            return ["std", module, name]
        if isinstance(value, BaseException):
            kind = next(base for base in type(value).__mro__ if getattr(builtins, base.__name__, None) is base)
            return ["e", ["ty", kind.__name__], self.pack(list(value.args)), str(value), self._export(value)]
        return ["g", self._export(value), *described(value)]

    def _export(self, value: Any) -> int:
        number = self._exported_numbers.get(id(value))
        if number is None:
            number = self._exported_numbers[id(value)] = len(self._exported)
            self._exported.append(value)
        return number

    # What the candidate may ask: to call a function, to step an iterator, the public side of an object

    def do_call(self, target: Any, arguments: Any, named: Any) -> Any:
        """Call an object of the tests that the candidate was given."""
        return self._given(target)(*arguments, **named)

    def do_get(self, target: Any, name: str) -> Any:
        """A public attribute of an object of the tests; functions, classes, generators and modules show none."""
        if isinstance(self._given(target), FUNCTIONS) or str(name).startswith("_"):
            raise AttributeError(name)
        if isinstance(target, _STEPPING) and name not in ("send", "throw", "close"):
            raise AttributeError(name)
        return getattr(target, name)

    def do_set(self, target: Any, name: str, value: Any) -> None:
        """Set a public attribute of an object of the tests."""
        if isinstance(target, FUNCTIONS) or str(name).startswith("_"):
            raise AttributeError(name)
        setattr(self._given(target), name, value)

    def do_operate(self, name: str, target: Any, *operands: Any) -> Any:
        """Apply a special method to an object of the tests."""
        if name not in operations.SPECIAL and name not in ("__eq__", "__hash__", "__bool__", "__contains__"):
            raise AttributeError(name)
        return getattr(type(self._given(target)), name)(target, *operands)

    def do_read(self) -> str:
        """A line of what the tests put in the place of standard input."""
        return sys.stdin.readline() if isinstance(sys.stdin, io.StringIO) else ""

    def _given(self, target: Any) -> Any:
        """`target`, which has to be something that the tests handed over."""
        if id(target) not in self._exported_numbers:
            raise TypeError("the tests did not hand this over")
        return target


class _Weak:
    """Finds a stand-in again as long as the tests hold it."""

    def __init__(self, value: Any) -> None:
        try:
            self._reference: Any = weakref.ref(value)
        except TypeError:  # data of a built-in type
            self._reference = lambda: value

    def __call__(self) -> Any:
        return self._reference()


def _steps(target: Any) -> bool:
    try:
        return bool(object.__getattribute__(target, "\x00steps"))
    except AttributeError:
        return False


def _library_error(kind: type[BaseException], values: tuple[Any, ...], text: str) -> BaseException:
    try:
        error = kind(*values)
    except TypeError:
        error = kind.__new__(kind, *values) if issubclass(kind, Exception) else RuntimeError(text)
        error.args = values
    return error
