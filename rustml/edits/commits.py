"""Commits of a team's own repository that change a few functions and nothing else, with what their message says."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rustml.git_repository import git
from rustml.records import Record
from rustml.rust.functions import File, Function, parse

BOT = re.compile(r"\[bot\]|\bbot\b|dependabot|renovate|github-actions|greenkeeper|mergify", re.IGNORECASE)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bxox[a-z]-[\w-]{8,}|\beyJ[\w-]{10,}\.eyJ"
    r"|\bsk-[\w-]{20,}|(?i:password|passwd|secret|token|api_?key)\w*[\"']?\s*(?::\s*&?\S+\s*)?[:=]\s*[\"'][^\"'\s]{8,}[\"']"
)
TRAILER = re.compile(r"^(?:[A-Z][A-Za-z]*(?:-[A-Za-z]+)+: |(?:Fixes|Closes|Refs?|See):? #?\d+|https?://\S+$)")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
SUBJECTS = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    for name, words in (
        (
            "optimization",
            r"perf|optimi[sz]\w*|speed\w*|faster|quicker|pre-?alloc\w*"
            r"|(?:less|fewer|avoid\w*) (?:\w+ )?(?:alloc|clon|cop)\w*",
        ),
        ("bug_fix", r"fix\w*|bugs?|panics?|overflows?|crash\w*|wrong\w*|incorrect\w*|regressions?|off.by.one"),
        (
            "refactoring",
            r"refactor\w*|simplif\w*|clean(?:s|ed|ing)?.?up|tidy|restructure\w*|rework\w*|rewrite|deduplicate\w*|extract\w*"
            r"|inline\w*|use .* instead|replace .* (?:with|by)",
        ),
    )
)
"""Category by the first line of a message: the first rule that matches decides."""
MIN_SUBJECT = 12
"""Characters of a first line that says something."""


class Commit(Record, frozen=True):
    """What git says of a commit."""

    repository: str
    sha: str
    parents: tuple[str, ...]
    author: str
    text: str

    @property
    def message(self) -> str:
        """The message without trailers, references and addresses."""
        lines = [line.rstrip() for line in self.text.strip().splitlines()]
        kept = "\n".join(line for line in lines if not TRAILER.match(line))
        return re.sub(r"\n{3,}", "\n\n", kept).strip()

    @property
    def subject(self) -> str:
        """The first line of the message, without a number of a pull request."""
        return re.sub(r"\s*\(#\d+\)$", "", self.message.partition("\n")[0]).strip()

    @property
    def category(self) -> str:
        """`optimization`, `bug_fix` or `refactoring`, by the first line; empty for none."""
        return next((name for name, rule in SUBJECTS if rule.search(self.subject)), "")


def read_commits(repository: str, head: str, most: int) -> list[Commit]:
    """The newest `most` commits before and at `head`. Raises InputError as git does."""
    log = git(repository, "log", f"--max-count={most}", "--format=%H%x02%P%x02%an <%ae>%x02%B%x03", head)
    commits = []
    for entry in log.decode("utf-8", "replace").split("\x03"):
        if entry.strip():
            sha, parents, author, text = entry.strip("\n").split("\x02", 3)
            commits.append(Commit(repository, sha, tuple(parents.split()), author, text))
    return commits


class Unsuited(Exception):
    """A commit that makes no change; the text is the reason's short name."""


@dataclass(frozen=True)
class Change:
    """The functions of one file that a commit changes."""

    path: str
    pairs: tuple[tuple[Function, Function], ...]
    """Each function before and after, in order of position."""
    after: str
    """The file as the commit leaves it."""

    @property
    def mixed(self) -> bytes:
        """The file as the commit leaves it, with the functions as they were before."""
        source = self.after.encode()
        for before, after in reversed(self.pairs):
            text = (before.signature + before.body).encode()
            source = source[: after.fn_start] + text + source[after.end :]
        return source


def change_of(commit: Commit, curated: Collection[str], most: int) -> Change:
    """The functions that a commit changes in the one file of Rust that it touches. Raises Unsuited."""
    _check(commit)
    path = _path(commit, curated)
    texts = [git(commit.repository, "show", f"{sha}:{path}") for sha in (commit.parents[0], commit.sha)]
    try:
        before, after = (text.decode("utf-8") for text in texts)
    except UnicodeDecodeError as error:
        raise Unsuited("not_utf8") from error
    files = parse(before), parse(after)
    if files[0] is None or files[1] is None:
        raise Unsuited("syntax_error")
    pairs = tuple(_changed(files[0], files[1], before.encode(), after.encode()))
    if not pairs:
        raise Unsuited("no_function")
    if len(pairs) > most:
        raise Unsuited("many_functions")
    if any(SECRET.search(function.text) for pair in pairs for function in pair):
        raise Unsuited("secret")
    return Change(path, pairs, after)


def _check(commit: Commit) -> None:
    """Raises Unsuited for a commit that no person wrote, or whose message says nothing or too much."""
    if len(commit.parents) != 1:
        raise Unsuited("merge" if commit.parents else "first_commit")
    if BOT.search(commit.author):
        raise Unsuited("bot")
    if SECRET.search(commit.text) or ADDRESS.search(commit.message):
        raise Unsuited("secret")
    if len(commit.subject) < MIN_SUBJECT:
        raise Unsuited("short_message")


def _path(commit: Commit, curated: Collection[str]) -> str:
    """The one file of Rust that a commit modifies."""
    words = ("diff-tree", "--no-commit-id", "--name-status", "--no-renames", "-r", "-z", commit.sha)
    fields = git(commit.repository, *words).decode("utf-8", "replace").split("\0")
    rust = [(status, path) for status, path in zip(fields[::2], fields[1::2], strict=False) if path.endswith(".rs")]
    if not rust:
        raise Unsuited("no_rust")
    if len(rust) > 1:
        raise Unsuited("many_files")
    ((status, path),) = rust
    if status != "M":
        raise Unsuited("new_or_gone")
    if path not in curated:
        raise Unsuited("not_curated")
    return path


def _changed(one: File, other: File, before: bytes, after: bytes) -> Iterator[tuple[Function, Function]]:
    """The functions that differ in more than white space. Raises Unsuited where more than functions and tests do."""
    if _outside(one, before) != _outside(other, after):
        raise Unsuited("outside_functions")
    old, new = _by_place(one), _by_place(other)
    if old.keys() != new.keys():
        raise Unsuited("functions_come_or_go")
    for place, function in new.items():
        was = old[place]
        if (was.signature + was.body).split() != (function.signature + function.body).split():
            yield was, function


def _by_place(file: File) -> dict[tuple[str, str, int], Function]:
    """Functions outside tests. Keys: `impl`, name, and number among functions of that name."""
    places: dict[tuple[str, str, int], Function] = {}
    for function in file.functions:
        if not function.in_test:
            number = sum(1 for context, name, _ in places if (context, name) == (function.context, function.name))
            places[function.context, function.name, number] = function
    return places


def _outside(file: File, source: bytes) -> Sequence[bytes]:
    """The words of a file outside its functions: what tests and functions do not explain."""
    parts, at = [], 0
    for function in file.functions:
        parts.append(source[at : function.start])
        at = function.end
    return b" ".join([*parts, source[at:]]).split()
