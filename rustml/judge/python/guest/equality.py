"""What objects of the candidate say of their equality, and whether it can tell objects apart at all.

This file runs inside the sandbox and imports nothing of rustml.
"""

from typing import Any


def equality(value: Any) -> Any:
    """What `value` says of its equality with another object, as a function of that object."""
    compare: Any = type(value).__eq__
    return lambda other: compare(value, other)


def tells_apart(value: Any, of: Any) -> bool:
    """Whether `value` is unequal to a stranger, and to a copy of itself with another value in one of its attributes."""
    kind = type(value)
    try:
        if of(value)(object()) is True:
            return False
    except Exception:  # it cannot even be asked about a stranger
        return True
    slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ()) if hasattr(value, name)]
    state = {**{name: getattr(value, name) for name in slots}, **getattr(value, "__dict__", {})}
    return not state or any(_differs(value, state, name, of) for name in state)


def _differs(value: Any, state: dict[str, Any], name: str, of: Any) -> bool:
    try:
        copy = object.__new__(type(value))
        for attribute, held in {**state, name: object()}.items():
            object.__setattr__(copy, attribute, held)
        return of(value)(copy) is not True
    except Exception:
        return True
