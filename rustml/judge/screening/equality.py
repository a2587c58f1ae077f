"""Which of a candidate's own types the assertions of its tests may compare.

A derived equality compares all fields. One that is written by hand may say anything, so a type is distrusted that has
one or holds something that has one, under any name and through any alias. What cannot be read off the tokens, because
a macro may have written it, distrusts every own type.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rustml.judge.screening.items import Scanner
from rustml.judge.screening.standard_names import PROTECTED
from rustml.rust.lexer import Token

ALL = frozenset({"*"})
_EQUALITY, _ORDER = frozenset({"PartialEq"}), frozenset({"PartialOrd", "Ord"})
_WRITTEN = {_EQUALITY: frozenset({"eq"}), _ORDER: frozenset({"partial_cmp", "cmp"})}
"""What an implementation by hand defines. Where none of these names occurs, in macros either, all is derived."""
_TYPES = frozenset({"struct", "enum", "union", "type", "trait"})
_BEHIND_A_BOUND = frozenset({",", ")", "+", ">", "{", ";", "where", ">="})
"""What may follow a trait's name that is derived or a bound; behind the name that is implemented stands `for`."""
_LONGEST_PATH = 16


@dataclass(frozen=True)
class OwnTypes:
    """What the text says about the types that it defines."""

    unequal: frozenset[str]
    """Those whose equality is not derived all the way down; `*` for all."""
    unordered: frozenset[str]
    """Those whose order is not."""
    implemented_outside: frozenset[str]
    """Traits that are implemented for something that the text does not define, or that a macro may implement for it."""
    reachable: dict[str, frozenset[str]]
    """Every name that the definition of a type, or a block about it, mentions."""

    def named_by(self, names: frozenset[str]) -> frozenset[str]:
        """The types that these names reach by definitions and blocks."""
        return _closure(names & self.reachable.keys(), self.reachable)


def own_types(stream: Sequence[Token], pairs: dict[int, int]) -> OwnTypes:
    """Read the definitions and implementations anywhere in these tokens. The work is linear for a bounded nesting."""
    scanner = Scanner(stream, pairs)
    definitions, aliases = _definitions(scanner)
    heads = list(_heads(scanner))
    mentions = {name: set(names) for name, names in definitions.items()}
    for head in heads:
        for name in head.subject & definitions.keys():
            mentions[name] |= head.body
    listed = [_distrusted(scanner, traits, heads, definitions, aliases) for traits in (_EQUALITY, _ORDER)]
    own = definitions.keys() - aliases - PROTECTED
    foreign = {head.trait for head in heads if head.trait and head.target not in own}
    foreign |= {"*" for head in heads if head.generated}
    reachable = {name: frozenset(names) for name, names in mentions.items()}
    return OwnTypes(listed[0], listed[1], frozenset(foreign), reachable)


@dataclass(frozen=True)
class _Head:
    """One `impl`: the trait's name (empty without one), and the names in its head and in its block."""

    trait: str
    target: str
    """The first name of the type that it is for."""
    subject: frozenset[str]
    body: frozenset[str]
    generated: bool
    """Whether a macro fills in a part of it."""


def _names(stream: Sequence[Token]) -> frozenset[str]:
    return frozenset(token.text for token in stream if token.kind == "ident")


def _definitions(scanner: Scanner) -> tuple[dict[str, set[str]], set[str]]:
    """What each defined type mentions, and which of them are other names for types."""
    definitions: dict[str, set[str]] = {}
    aliases: set[str] = set()
    for index, token in enumerate(scanner.tokens[:-1]):
        follows = scanner.tokens[index + 1]
        if token.kind == "ident" and token.text in _TYPES and follows.kind == "ident":
            mentioned = frozenset[str]() if token.text == "trait" else _names(_extent(scanner, index + 2))
            definitions.setdefault(follows.text, set()).update(mentioned)
            if token.text == "type":
                aliases.add(follows.text)
    return definitions, aliases


def _extent(scanner: Scanner, index: int) -> Sequence[Token]:
    """The tokens up to the `;` or the closing brace of a definition; another definition's keyword ends it too."""
    at = index
    while at < len(scanner.tokens) and scanner.text(at) not in (";", "}", "struct", "enum", "union", "type", "trait"):
        if scanner.text(at) == "{":
            return scanner.tokens[index : scanner.pairs.get(at, at) + 1]
        at = scanner.pairs.get(at, at) + 1
    return scanner.tokens[index:at]


def _heads(scanner: Scanner) -> Iterator[_Head]:
    index = 0
    while index < len(scanner.tokens):
        if scanner.text(index) != "impl" or scanner.tokens[index].kind != "ident":
            index += 1
            continue
        start, index = index, index + 1
        while scanner.text(index) not in ("", "}", ";", ")", "impl"):
            if scanner.text(index) == "{" and scanner.text(index - 1) not in ("<", ",", "="):
                break  # a brace behind one of these is a constant among generic arguments
            index = scanner.pairs.get(index, index) + 1
        yield _head(scanner, start, index)


def _head(scanner: Scanner, start: int, end: int) -> _Head:
    head = scanner.tokens[start + 1 : end]
    texts = [token.text for token in head]
    fors = [at for at, text in enumerate(texts) if text == "for" and texts[at + 1 : at + 2] != ["<"]]
    generated = "$" in texts or not texts
    block = scanner.tokens[end : scanner.pairs.get(end, end)] if scanner.text(end) == "{" else ()
    trait = _last_name(head[: fors[0]]) if fors else ""
    target = texts[fors[0] + 1] if fors and fors[0] + 1 < len(texts) else ""
    return _Head(trait, target, _names(head), _names(block), generated)


def _last_name(path: Sequence[Token]) -> str:
    """The last name of a path outside angle brackets: `PartialEq` of `<T> std::cmp::PartialEq<Vec<T>>`."""
    angle, name = 0, ""
    for token in path:
        angle += (token.text == "<") - (token.text == ">")
        if angle == 0 and token.kind == "ident":
            name = token.text
    return name


def _distrusted(
    scanner: Scanner, traits: frozenset[str], heads: list[_Head], definitions: dict[str, set[str]], aliases: set[str]
) -> frozenset[str]:
    """The types with an implementation of one of the traits that is written by hand, and all that hold one of them."""
    names = traits | _renamed(scanner, traits)
    words = {token.text.removeprefix("r#") for token in scanner.tokens if token.kind == "ident"}
    if not (words & traits and words & _WRITTEN[traits]):
        return frozenset()
    written = [head for head in heads if head.trait in names or head.generated]
    subjects = [head.subject & definitions.keys() for head in written]
    if any(head.generated for head in written) or not all(subjects) or _by_macro(scanner, names):
        return ALL
    distrusted = frozenset[str]().union(*subjects)
    distrusted |= _closure(distrusted & aliases, definitions) & definitions.keys()
    holders: dict[str, set[str]] = {}
    for name, mentioned in definitions.items():
        for inner in mentioned & definitions.keys():
            holders.setdefault(inner, set()).add(name)
    return _closure(distrusted, holders)


def _renamed(scanner: Scanner, traits: frozenset[str]) -> frozenset[str]:
    """Other names under which the traits are imported."""
    texts = [token.text for token in scanner.tokens]
    return frozenset(
        name
        for trait, word, name in zip(texts, texts[1:], texts[2:], strict=False)
        if trait in traits and word == "as" and name != "_"
    )


def _by_macro(scanner: Scanner, names: frozenset[str]) -> bool:
    """Whether a macro of the candidate's may write an `impl` for the traits: it reads their names, or places them."""
    texts = [token.text for token in scanner.tokens]
    if "macro_rules" not in texts:
        return False
    at = 0
    while at < len(texts):
        call = texts[at] == "!" and at + 1 in scanner.pairs
        if call and names & set(texts[at + 1 : scanner.pairs[at + 1]]):
            return True
        if texts[at] in names and scanner.text(at + 1) not in _BEHIND_A_BOUND and not _in_head(scanner, at):
            return True
        at = scanner.pairs[at + 1] + 1 if call else at + 1
    return False


def _in_head(scanner: Scanner, index: int) -> bool:
    """Whether `impl` and a path, without a macro's variable, lead up to this name."""
    at = index - 1
    while at > index - _LONGEST_PATH and (scanner.text(at) == "::" or scanner.tokens[at].kind == "ident"):
        if scanner.text(at) == "impl":
            return True
        at -= 1
    return False


def _closure(names: frozenset[str], edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges.get(name, ())
    return frozenset(reached)
