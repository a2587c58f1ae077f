"""The tests' end of the conversation with one candidate.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import collections
import collections.abc
import importlib
import numbers
import sys
import traceback
import types
import weakref
from typing import Any

import blind  # type: ignore[import-not-found]
import copies  # type: ignore[import-not-found]
import operations  # type: ignore[import-not-found]
import stand_ins  # type: ignore[import-not-found]
from answers import Answers  # type: ignore[import-not-found]
from derivation import Derivation  # type: ignore[import-not-found]
from descriptions import described, is_own, signature  # type: ignore[import-not-found]
from outcomes import Failed  # type: ignore[import-not-found]
from patches import Patches  # type: ignore[import-not-found]
from script import Script  # type: ignore[import-not-found]
from stand_ins import CONTENTS, NUMBER, StandIn, StandInType, number_of
from wire import HARMLESS, Channel  # type: ignore[import-not-found]

_NO_SURPRISES = frozenset(sys.stdlib_module_names) - {"antigravity", "this", "idlelib", "turtledemo"}
_STEPPING = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_STEPPED = ("__next__", "send", "throw", "__anext__", "asend", "athrow")
_COMPARING = frozenset({"claims", "equals"})
_MIXINS = frozenset(vars(collections.abc).keys() | vars(numbers).keys())


class Link(Answers):  # type: ignore[misc]
    """Asks the candidate for what the tests do with its objects; does what it asks of functions of the tests."""

    def __init__(self, channel: Channel, tests: Script) -> None:
        super().__init__(channel, tests.private)
        self._tests, self._patches = tests, Patches(tests.patched, surroundings=tests.surroundings)
        self._known: dict[int, _Weak] = {}
        self._classes: dict[int, Any] = {}
        self._released: list[int] = []
        self._special: dict[type, frozenset[str]] = {}
        copies.links[:] = [self]
        self._claims: dict[int, tuple[Any, ...]] = {}
        self.swallowed = False
        """Whether an assertion failed in a function of the tests that the candidate called."""
        self.derivation = Derivation(self)
        """Makes classes of the tests that derive from the candidate's."""
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
        if name == "__signature__":
            return signature(self.request("signature", target))
        value = self.request("get", target, name)
        if name in _STEPPED and isinstance(value, stand_ins.Opaque):
            object.__setattr__(value, "\x00steps", True)
        return value

    def claims(self, target: Any) -> tuple[Any, ...]:
        """The value that an object says it equals: the same as long as it is only compared."""
        number = number_of(target)
        if number not in self._claims:
            self._claims[number] = blind.one_value(self.request("claims", target))
        return self._claims[number]

    def special(self, kind: type) -> frozenset[str]:
        """The special methods that a class of the candidate's has, its bases' included."""
        return frozenset().union(*(self._special.get(base, ()) for base in kind.__mro__))

    def adopt(self, kind: Any, number: int, special: list[str]) -> None:
        """Take a class of the tests for one of the candidate's."""
        self._classes[number], self._special[kind] = kind, frozenset(special)

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
        if verb not in _COMPARING:
            self._claims.clear()
        try:
            for change in self._patches.changes():
                super().request("patch", *change)
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
        bases = [self.unpack(base) for base in bases]
        parents = self._parents(bases)
        chosen = frozenset(map(str, special))
        fields = tuple(map(str, more[0])) if more and more[0] else ()
        home = "candidate" if (module, name) == ("builtins", "function") else str(module)
        space = {"link": self, NUMBER: number, "__module__": home, "__doc__": stand_ins.Lifted("__doc__")}
        space |= operations.methods(chosen, parents, fields) | operations.BY_CONTENT.get(f"{module}.{name}", {})
        holds = [base for base in CONTENTS if any(issubclass(one, base) for one in bases)]
        space |= {"holds": holds[0]} if holds else {}
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
        return (stand_ins.Content,) if any(issubclass(base, CONTENTS) for base in bases) else (self._root,)

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

    def unpack_eg(self, number: int, held: Any) -> Any:
        """An exception of the tests' own that comes back, with its notes and what else was added to it."""
        error = self.exported[number]
        added = {str(name): self.unpack(value) for name, value in held}
        fresh = {name for name in added if name == "__notes__" or not hasattr(error, name)}
        error.__dict__.update({name: added[name] for name in fresh})
        return error

    def unpack_g(self, number: int) -> Any:
        """An object of the tests' own that comes back."""
        return self.exported[number]

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
            kind = next(base for base in type(value).__mro__ if is_own(base) or _is_builtin(base))
            return ["e", self.pack(kind), self.pack(list(value.args)), str(value), self.export(value)]
        more: list[Any] = []
        if is_own(value):
            bases = [self.pack(base) for base in value.__bases__ if is_own(base) or issubclass(base, BaseException)]
            more = [bases, [str(name) for name in getattr(value, "__dataclass_fields__", ())]]
        elif is_own(type(value)):
            more = [self.pack(type(value))]
        return ["g", self.export(value), *described(value), *more]


class _Weak:
    """Finds a stand-in again as long as the tests hold it."""

    def __init__(self, value: Any) -> None:
        try:
            self._reference: Any = weakref.ref(value)
        except TypeError:  # data of a built-in type
            self._reference = lambda: value

    def __call__(self) -> Any:
        return self._reference()


def _is_builtin(kind: type) -> bool:
    return getattr(builtins, kind.__name__, None) is kind


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
