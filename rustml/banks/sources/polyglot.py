"""Exercises of Exercism's Rust track, as Aider's polyglot benchmark has them: whole crates. Evaluated on only.

A path is the folder of exercises, any folder above it, or an archive of one (`.tar`, `.tar.gz`).
"""

import tarfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from rustml.banks.bank import Bank, make_bank
from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow
from rustml.records import Dependency, Problem
from rustml.rust.lexer import edited, significant, tokens

NAME = "polyglot-rust"
CONFIG, MANIFEST, EXAMPLE, EXAMPLE_MANIFEST = (
    ".meta/config.json",
    "Cargo.toml",
    ".meta/example.rs",
    ".meta/Cargo-example.toml",
)
INSTRUCTIONS = (".docs/introduction.md", ".docs/instructions.md", ".docs/instructions.append.md")
STUB = "src/lib.rs"
LARGEST = 1 << 20
"""Bytes of a file that is read."""


class Files(msgspec.Struct):
    """`files` of `.meta/config.json`."""

    solution: list[str]
    test: list[str]
    example: list[str]


class Config(msgspec.Struct):
    """The part of `.meta/config.json` that is used."""

    files: Files


class Exercise(msgspec.Struct):
    """One exercise: its files by their paths in it."""

    slug: str
    files: dict[str, str]


def exercise_rows(path: Path) -> Iterator[LocatedRow]:
    """The exercises in a folder or an archive, by name. Raises InputError where there are none, or none can be read."""
    texts = _in_folder(path) if path.is_dir() else _in_archive(path)
    roots = sorted(root for root in map(_root_of, texts) if root is not None and f"{root}{MANIFEST}" in texts)
    if not roots:
        raise InputError(f"{path} holds no exercise of Rust: none of its folders has {CONFIG} and {MANIFEST}")
    for root in roots:
        slug = PurePosixPath(root).name or path.name
        files = {name.removeprefix(root): text for name, text in texts.items() if name.startswith(root)}
        yield LocatedRow(f"{path}, exercise {slug}", {"slug": slug, "files": files})


def _root_of(name: str) -> str | None:
    """The exercise whose settings a file holds, with the `/` at its end; None for any other file."""
    whole = f"/{name}"
    return name.removesuffix(CONFIG) if whole.endswith(f"/{CONFIG}") else None


def _in_folder(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size <= LARGEST)
    return _texts((path.relative_to(folder).as_posix(), path.read_bytes()) for path in files)


def _in_archive(path: Path) -> dict[str, str]:
    try:
        with tarfile.open(path) as archive:
            members = [member for member in archive if member.isfile() and member.size <= LARGEST]
            opened = ((member.name.removeprefix("./"), archive.extractfile(member)) for member in members)
            return _texts((name, file.read()) for name, file in opened if file is not None)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(f"cannot read {path} as a folder or an archive of exercises: {error}") from error


def _texts(files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """The text files of an exercise; other files are left out."""
    texts = {}
    for name, content in files:
        try:
            texts[name] = content.decode()
        except UnicodeDecodeError:
            continue
    return texts


def polyglot(rows: Iterable[LocatedRow]) -> Bank:
    """The Rust exercises of Aider's polyglot benchmark, without those that are not one file of code and one of tests.

    Raises InputError that names exercise and file of one that cannot be read.
    """
    return exercises(NAME, rows)


def exercises(name: str, rows: Iterable[LocatedRow], left_out: Callable[[str], str] = lambda _slug: "") -> Bank:
    """A bank of exercises, evaluated on only; `left_out` says why one of this slug is not in it, else nothing.

    Raises InputError as `polyglot` does.
    """
    problems: list[Problem] = []
    excluded: dict[str, str] = {}
    for raw in rows:
        exercise = msgspec.convert(raw.value, Exercise)
        identity = f"{name}/{exercise.slug}"
        if identity in excluded:
            raise InputError(f"{raw.location}: two exercises have this name")
        reason = left_out(exercise.slug) or _misfit(raw.location, exercise.files)
        if reason:
            excluded[identity] = reason
        else:
            problems.append(_problem(raw.location, identity, exercise.files))
    return make_bank(name, problems, excluded)


def _config(location: str, files: Mapping[str, str]) -> Files:
    try:
        return msgspec.json.decode(_held(location, files, CONFIG), type=Config).files
    except msgspec.DecodeError as error:
        raise InputError(f"{location}, {CONFIG}: {error}") from error


def _held(location: str, files: Mapping[str, str], name: str) -> str:
    if name not in files:
        raise InputError(f"{location}: it has no {name}")
    return files[name]


def _misfit(location: str, files: Mapping[str, str]) -> str:
    """Why the exercise is not one file of code and one program of tests; empty where it is."""
    config = _config(location, files)
    sources = sorted(name for name in files if name.startswith("src/") and name != STUB)
    beside = sorted(name for name in files if name.startswith("tests/") and name not in config.test)
    if sources:
        return f"its code is several files: {', '.join([STUB, *sources])}"
    if len(config.test) != 1:
        return f"its tests are several programs: {', '.join(config.test)}"
    return f"its tests need further files: {', '.join(beside)}" if beside else ""


def _problem(location: str, identity: str, files: Mapping[str, str]) -> Problem:
    config, manifest = _config(location, files), _toml(location, files, MANIFEST)
    package = manifest.get("package")
    if not isinstance(package, dict) or not isinstance(package.get("name"), str):
        raise InputError(f"{location}, {MANIFEST}: `package.name` is not there")
    crates = _dependencies(location, manifest)
    needed = _dependencies(location, _toml(location, files, EXAMPLE_MANIFEST)) if EXAMPLE_MANIFEST in files else ()
    return Problem(
        id=identity,
        bank=identity.partition("/")[0],
        split="test",
        language="rust",
        instruction=_instruction(location, files, package["name"], [crate.name for crate in crates]),
        entry_point=package["name"].replace("-", "_"),
        reference=_held(location, files, EXAMPLE),
        tests=_without_ignore(_held(location, files, config.test[0])),
        licence="MIT",
        trainable=False,
        edition=str(package.get("edition", "2015")),
        dependencies=tuple({crate.name: crate for crate in (*crates, *needed)}.values()),
    )


def _instruction(location: str, files: Mapping[str, str], name: str, crates: list[str]) -> str:
    _held(location, files, INSTRUCTIONS[1])
    told = "\n\n".join(files[part].strip() for part in INSTRUCTIONS if part in files)
    allowed = f"the standard library and the crates {', '.join(crates)}" if crates else "the standard library alone"
    return (
        f"{told}\n\nThis is `{STUB}` of the crate `{name}`:\n\n```rust\n{_held(location, files, STUB).strip()}\n```\n\n"
        "Write this file so that the exercise is solved. Keep the names that are there: tests call them. "
        f"Use {allowed}. Answer with the whole file in one fenced block."
    )


def _toml(location: str, files: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_held(location, files, name))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{location}, {name}: {error}") from error


def _dependencies(location: str, manifest: Mapping[str, Any]) -> tuple[Dependency, ...]:
    crates = []
    for name, asked in manifest.get("dependencies", {}).items():
        table = asked if isinstance(asked, dict) else {"version": asked}
        try:
            crate = msgspec.convert(
                {key.replace("-", "_"): value for key, value in table.items()} | {"name": name}, Dependency
            )
        except msgspec.ValidationError as error:
            raise InputError(f"{location}: the dependency {name} cannot be had: {error}") from error
        crates.append(crate)
    return tuple(crates)


def _without_ignore(tests: str) -> str:
    """The tests with all of them switched on, as upstream runs them (`--include-ignored`)."""
    stream = significant(tokens(tests))
    starts = [
        at for at in range(len(stream) - 3) if [token.text for token in stream[at : at + 3]] == ["#", "[", "ignore"]
    ]
    ends = [next(end for end in range(at, len(stream)) if stream[end].text == "]") for at in starts]
    # Up to what follows, which is the test.
    return edited(tests, [(stream[at].start, stream[end + 1].start, "") for at, end in zip(starts, ends, strict=True)])
