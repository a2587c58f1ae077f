"""The tests that use a crate from outside, in one program: doc-tests, and the files of its folder `tests/`.

Each of these files is a module of the program, and all are linked at once: `tests_api::sums` is the test `sums` of
`tests/api.rs`. cargo makes a program of each. Doc-tests are `example_0`, `example_1` and so on.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath

from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.recompile import OUTPUT, SOURCE, Compiled, Recompiler
from rustml.rust.doctests import program

PREFIX = "tests_"
"""Of the module that a file becomes: a module `serde` would hide the crate of that name."""
EXTERN = re.compile(r"^(#\[macro_use[^\]]*\]\s*)?extern crate (\w+)(?: as \w+)?;", re.MULTILINE)
"""What imports macros into a whole program, which only its root may say."""


def integration_files(sources: Path) -> dict[str, str]:
    """The files of a crate's `tests/` that cargo makes programs of, by the module that each becomes here."""
    files = {path.stem: path for path in (sources / "tests").glob("*.rs")}
    files |= {path.parent.name: path for path in (sources / "tests").glob("*/main.rs")}
    paths = {name.replace("-", "_"): str(path.relative_to(sources)) for name, path in sorted(files.items())}
    return {PREFIX + name: path for name, path in paths.items() if name.isidentifier()}


def usable_files(sources: Path, call: Invocation) -> dict[str, str]:
    """Those files that name none of the tests' dependencies that the call was made without."""
    manifest = tomllib.loads((sources / "Cargo.toml").read_text(encoding="utf-8"))
    tables = [manifest, *manifest.get("target", {}).values()]
    wanted = {name.replace("-", "_") for table in tables for name in table.get("dev-dependencies", {})}
    gone = wanted - call.externs - {call.crate}
    return {name: path for name, path in integration_files(sources).items() if not gone & _words(sources / path)}


def _words(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", path.read_text(encoding="utf-8", errors="replace")))


@dataclass(frozen=True)
class OuterProgram:
    """Doc-tests and files of one crate."""

    sources: Path
    """The crate's folder."""
    examples: tuple[str, ...]
    files: Mapping[str, str]
    """As `integration_files` gives them."""

    @classmethod
    def of(cls, sources: Path, eligible: Iterable[Eligibility]) -> "OuterProgram":
        """The one with what these functions are judged by."""
        chosen = list(eligible)
        modules = {name.partition("::")[0] for one in chosen for name in one.integration}
        files = {name: path for name, path in integration_files(sources).items() if name in modules}
        return cls(sources, tuple(dict.fromkeys(code for one in chosen for code in one.examples)), files)

    @property
    def numbers(self) -> dict[str, str]:
        """The name of each doc-test."""
        return {code: f"example_{number}" for number, code in enumerate(self.examples)}

    def names(self, eligibility: Eligibility) -> tuple[str, ...]:
        """The names of the tests that judge one function."""
        return (*(self.numbers[code] for code in eligibility.examples), *eligibility.integration)

    def link(self, compiler: Recompiler, call: Invocation, out: Path) -> Compiled:
        """Make the test program with the library in `out`, which `call` made there."""
        texts = {
            path: (self.sources / path).read_text(encoding="utf-8", errors="replace") for path in self.files.values()
        }
        text = self._text(call, texts.values(), compiler.root(out))
        (out / SOURCE).write_text(text, encoding="utf-8")
        replaced = {path: EXTERN.sub(_at_its_place, text).encode() for path, text in texts.items()}
        return compiler.link(call, out, replaced)

    def without_errors(self, compilation: Compiled, call: Invocation) -> "OuterProgram":
        """The program without the doc-tests and files that have errors, or use a module of `tests/` that has."""
        wrong = {message.file for message in compilation.errors()}
        helpers = {PurePosixPath(path).with_suffix("").parts[1] for path in wrong if path.startswith("tests/")}
        files = {name: path for name, path in self.files.items() if not (path in wrong or self._uses(path, helpers))}
        codes = zip(self.examples, _spans(self.examples, call.crate), strict=True)
        sound = tuple(code for code, span in codes if not compilation.errors(f"{OUTPUT}/{SOURCE}", *span))
        return OuterProgram(self.sources, sound, files)

    def parts(self) -> list["OuterProgram"]:
        """The doc-tests, and each file, as programs of their own."""
        examples = [OuterProgram(self.sources, self.examples, {})] if self.examples else []
        return [*examples, *(OuterProgram(self.sources, (), {name: path}) for name, path in self.files.items())]

    def only(self, parts: Iterable["OuterProgram"]) -> "OuterProgram":
        """These parts in one program."""
        chosen = list(parts)
        files = {name: path for one in chosen for name, path in one.files.items()}
        return OuterProgram(self.sources, tuple(code for one in chosen for code in one.examples), files)

    def _uses(self, path: str, modules: Iterable[str]) -> bool:
        text = (self.sources / path).read_text(encoding="utf-8", errors="replace")
        return any(re.search(rf"\bmod {re.escape(name)}\b", text) for name in modules)

    def _text(self, call: Invocation, texts: Iterable[str], root: str) -> str:
        head = program(list(enumerate(self.examples)), call.crate)
        found = (match for text in texts for match in EXTERN.finditer(text))
        known = {*call.externs, "std", "core", "alloc"}
        crates = dict.fromkeys(match[0] for match in found if match[2] in known)
        modules = (f'#[path = "{root}/{path}"]\nmod {name};\n' for name, path in self.files.items())
        return "".join([head, *(f"{line}\n" for line in crates), *modules])


def _at_its_place(match: re.Match[str]) -> str:
    """The same words of a file but for those that its program's root says."""
    return match[0].removeprefix(match[1] or "")


def _spans(codes: Iterable[str], crate: str) -> list[tuple[int, int]]:
    """Byte offsets of each doc-test in the program of all."""
    head = len(program([], crate).encode())
    lengths = [len(program([(number, code)], crate).encode()) - head for number, code in enumerate(codes)]
    return list(pairwise(accumulate(lengths, initial=head)))
