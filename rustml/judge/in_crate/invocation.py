"""One call of the compiler for a crate, as cargo made it."""

import os
from collections.abc import Sequence

import msgspec

from rustml.records import Record


class Invocation(Record, frozen=True):
    """One call of the compiler for the crate itself."""

    arguments: tuple[str, ...]
    environment: dict[str, str]

    @property
    def test(self) -> bool:
        """Whether it makes a test program."""
        return "--test" in self.arguments

    @property
    def crate(self) -> str:
        """Name of the crate that it compiles."""
        return self.arguments[self.arguments.index("--crate-name") + 1]

    @property
    def is_library(self) -> bool:
        """Whether it makes a library that other crates can be linked with."""
        return not self.test and bool({"lib", "rlib"} & set(self._values("--crate-type")))

    @property
    def root(self) -> str:
        """Path of the crate's root module, relative to the crate's folder."""
        return os.path.normpath(next(word for word in self.arguments if word.endswith(".rs") and word[0] != "-"))

    def as_library(self) -> "Invocation":
        """Of a call that makes the library's test program, the one that makes the library itself.

        It sees the dependencies of the tests, so that tests and examples outside the library meet the same ones.
        """
        made = ("--crate-type=lib" if word == "--test" else word for word in self.arguments)
        return msgspec.structs.replace(self, arguments=tuple(made))

    def replaced(self, text: str, other: str) -> "Invocation":
        """The call with another text in the place of one, in arguments and variables."""
        words = tuple(word.replace(text, other) for word in self.arguments)
        variables = {name: value.replace(text, other) for name, value in self.environment.items()}
        return Invocation(arguments=words, environment=variables)

    @property
    def externs(self) -> frozenset[str]:
        """Names of the crates that it may use."""
        return frozenset(value.partition("=")[0].rpartition(":")[2] for value in self._values("--extern"))

    def _values(self, option: str) -> list[str]:
        return [after for word, after in zip(self.arguments, self.arguments[1:], strict=False) if word == option]


def outer_call(calls: Sequence[Invocation], call: int, test_call: int) -> Invocation:
    """What makes the library that tests outside it use, from the numbers of two calls; -1 for no test call."""
    library, tests = calls[call], calls[test_call] if test_call >= 0 else None
    same = tests is not None and library.is_library and (tests.crate, tests.root) == (library.crate, library.root)
    return tests.as_library() if tests is not None and same else library
