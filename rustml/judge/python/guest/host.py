"""Holds a candidate and does what the test driver asks: look a name up, call, get and set attributes.

The candidate controls this process, and with it nothing but the values that it returns.
This file runs inside the sandbox and imports nothing of rustml.
"""

import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib takes longer to import than all else

from wire import Channel, decode, encode  # type: ignore[import-not-found]


class Host:
    """One candidate's module and the objects that the test driver holds handles of."""

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._module: dict[str, Any] = {"__name__": "candidate"}

    def answer(self, request: list[Any]) -> list[Any]:
        """Do one request: [verb, …]. The answer is ["ok", value] or ["error", class names, text]."""
        try:
            return ["ok", encode(getattr(self, f"do_{request[0]}")(*request[1:]), self._keep)]
        except BaseException as error:
            names = [kind.__name__ for kind in type(error).__mro__]
            return ["error", names, str(error)[:500]]

    def _keep(self, value: Any) -> int:
        for number, handle in enumerate(self._kept):
            if handle is value:
                return number
        self._kept.append(value)
        return len(self._kept) - 1

    def _value(self, message: Any) -> Any:
        return decode(message, lambda number, _: self._kept[number])

    def do_compile(self, code: str) -> None:
        """Compile the candidate's code."""
        self._code = compile(code, "candidate.py", "exec", dont_inherit=True)

    def do_load(self) -> None:
        """Run the candidate's code as a module."""
        exec(self._code, self._module)  # noqa: S102 - in the sandbox, and what the sandbox is for

    def do_names(self) -> list[str]:
        """The names that the module defines."""
        return [name for name in self._module if isinstance(name, str)]

    def do_name(self, name: str) -> Any:
        """The value of a name of the module."""
        return self._module[name]

    def do_call(self, target: Any, arguments: Any, named: Any) -> Any:
        """Call an object."""
        return self._value(target)(*self._value(arguments), **self._value(named))

    def do_get(self, target: Any, name: str) -> Any:
        """The value of an object's attribute."""
        return getattr(self._value(target), name)

    def do_set(self, target: Any, name: str, value: Any) -> None:
        """Set an object's attribute."""
        setattr(self._value(target), name, self._value(value))

    def do_operate(self, name: str, *operands: Any) -> Any:
        """Apply a special method, such as `__getitem__`, to an object."""
        target, *rest = map(self._value, operands)
        return getattr(type(target), name)(target, *rest)


def main() -> None:
    """Serve the test driver on descriptors 3 and 4 until it goes away."""
    sys.setrecursionlimit(20_000)
    channel, host = Channel(3, 4), Host()
    while True:
        channel.send(host.answer(channel.receive()))


if __name__ == "__main__":
    main()
