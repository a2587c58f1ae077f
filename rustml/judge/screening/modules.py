"""What stands in each module that a candidate's text writes out, and what its macros write there.

Modules, re-exports and globs are followed by name, each once: the work is linear. What a text does not show, such as a
module that a macro writes, is not there.
"""

from collections import deque
from collections.abc import Sequence
from functools import cached_property

from rustml.judge.screening import imports, macro_calls, macro_items
from rustml.judge.screening.items import Item, Scanner

_MOST_STEPS = 8
"""Re-exports that are followed on the way to one item."""
_DEFINED = frozenset({"struct", "enum", "union", "type", "fn", "mod", "const", "static"})
"""What a macro may write that the tests then name. A trait could change what their other words mean."""
_TOP = -1


class Modules:
    """The modules of one text; each is known by the index of its opening brace."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._items: dict[int, dict[str, list[Item]]] = {}
        self._uses: dict[int, dict[str, str]] = {}
        self._leads: dict[tuple[int, str], list[Item] | None] = {}
        self._names: dict[int, dict[str, list[Item]]] = {}
        self._parents: dict[int, int] = {_TOP: _TOP}

    def names(self, path: Sequence[str]) -> dict[str, list[Item]] | None:
        """What the module at `path` holds or re-exports, by name; None where the text writes no such module out."""
        module = self._find(path, _TOP, _MOST_STEPS)
        return self._visible(module) if module is not None else None

    def public(self, items: Sequence[Item]) -> bool:
        """Whether one of them says `pub`, restricted or not: the judge lifts restrictions."""
        return any(self._scanner.text(item.first) == "pub" for item in items)

    @cached_property
    def traits_by_macro(self) -> bool:
        """Whether some macro may write a trait."""
        bodies = (rule.body for rules in self.rules.values() for rule in rules)
        return any(self._holds("trait", tokens) for tokens in (*bodies, *self._calls()))

    @cached_property
    def rules(self) -> dict[str, list[macro_items.Rule]]:
        """The rules of each macro that the text defines."""
        return macro_items.macros(self._scanner)

    @cached_property
    def written(self) -> dict[str, str]:
        """Names that calls of the text's own macros write at the top level → their keywords; no traits."""
        return self._written(_TOP)

    def writes(self, path: Sequence[str]) -> bool:
        """Whether the module in which `path` ends writes its last name by a macro."""
        module = self._find(path[:-1], _TOP, _MOST_STEPS)
        return module is not None and path[-1] in self._written(module)

    def _written(self, module: int) -> dict[str, str]:
        if self.traits_by_macro:
            return {}
        items = (item for item in self._of(module).get("", ()) if not item.keyword)
        calls = [item.head for item in items if item.head + 2 in self._scanner.pairs]
        found = macro_calls.written(self._scanner, self.rules, calls)
        return {name: keyword for keyword, name in found if keyword in _DEFINED}

    def expanding(self, names: frozenset[str]) -> frozenset[str]:
        """The text's own macros among `names`, and those that they call."""
        found: set[str] = set()
        waiting = list(names & self.rules.keys())
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                bodies = (rule.body for rule in self.rules[name])
                called = {one for body in bodies for one in macro_items.calls(self._scanner, body)}
                waiting += called & self.rules.keys()
        return frozenset(found)

    def _calls(self) -> list[range]:
        """What stands between the delimiters of each macro that is called."""
        marks = [index for index, token in enumerate(self._scanner.tokens) if token.text == "!"]
        return [range(index + 1, self._scanner.pairs[index + 1]) for index in marks if index + 1 in self._scanner.pairs]

    def _holds(self, word: str, indices: range) -> bool:
        return any(self._scanner.text(index) == word for index in indices)

    # How a name is found

    def _of(self, module: int) -> dict[str, list[Item]]:
        """The items of a module by name; calls of macros and `use` declarations have none."""
        if module not in self._items:
            named: dict[str, list[Item]] = {}
            end = len(self._scanner.tokens) if module == _TOP else self._scanner.pairs[module]
            for item in self._scanner.items(module + 1, end):
                if item.keyword != "macro_rules" and self._scanner.active(item, test=False):
                    named.setdefault(item.name, []).append(item)
                    if item.keyword == "mod":
                        self._parents.setdefault(item.head + 2, module)
            self._items[module] = named
        return self._items[module]

    def _exports(self, module: int) -> dict[str, str]:
        """What the `use` declarations of a module bring along: name → path. A glob has its whole path for a name."""
        if module not in self._uses:
            paths = (path for item in self._of(module).get("", ()) for path in self._declared(item))
            named = ((path if path.endswith("*") else imports.imported_name(path), path) for path in paths)
            self._uses[module] = dict(named)
        return self._uses[module]

    def _declared(self, item: Item) -> list[str]:
        if item.keyword != "use":
            return []
        declaration = self._scanner.tokens[item.head + 1 : max(item.end - 1, item.head + 1)]
        return [path for path in imports.declared(declaration) if not imports.in_standard(path)]

    def _visible(self, module: int) -> dict[str, list[Item]]:
        """Its own names, then the public ones of the modules that its globs lead to, the nearest first."""
        if module not in self._names:
            names, sources = self._direct(module)
            seen, waiting = {module}, deque(sources)
            while waiting:
                source = waiting.popleft()
                if source not in seen:
                    seen.add(source)
                    offered, further = self._direct(source)
                    for name, items in offered.items():
                        if self.public(items):
                            names.setdefault(name, items)
                    waiting += further
            self._names[module] = names
        return self._names[module]

    def _direct(self, module: int) -> tuple[dict[str, list[Item]], list[int]]:
        """What a module defines or exports by name, and the modules that its globs name."""
        names = {name: items for name, items in self._of(module).items() if name}
        sources = []
        for name, path in self._exports(module).items():
            if name.endswith("*"):
                sources.append(self._find(path.split("::")[:-1], module, _MOST_STEPS))
                self._add_variants(path.split("::")[:-1], module, names)
            elif name not in names and (items := self._followed(name, module, _MOST_STEPS)):
                names[name] = items
        return names, [source for source in sources if source is not None]

    def _add_variants(self, path: Sequence[str], module: int, names: dict[str, list[Item]]) -> None:
        """What a glob over an enumeration brings along."""
        for item in (self._leaf(path, module, _MOST_STEPS) if path else None) or ():
            body = item.end - 1  # the closing brace
            opening = next((at for at in range(item.head, item.end) if self._scanner.pairs.get(at) == body), body)
            index = opening + 1
            while item.keyword == "enum" and index < body:
                index, _ = self._scanner.attributes_end(index, body)
                names.setdefault(self._scanner.text(index), [item])
                while index < body and self._scanner.text(index) != ",":
                    index = self._scanner.pairs.get(index, index) + 1
                index += 1

    def _leaf(self, path: Sequence[str], module: int, steps: int) -> list[Item] | None:
        scope = self._find(path[:-1], module, steps)
        if scope is None:
            return None
        return self._of(scope).get(path[-1]) or self._followed(path[-1], scope, steps)

    def _followed(self, name: str, module: int, steps: int) -> list[Item] | None:
        """The items that a re-export of this name leads to. One that leads back to itself leads nowhere."""
        trail, at, items = [], (module, name), None
        while at not in self._leads and items is None and steps:
            self._leads[at] = None
            trail.append(at)
            path = self._exports(at[0]).get(at[1])
            original = path.split(" as ")[0].split("::") if path is not None else [at[1]]
            scope = self._find(original[:-1], at[0], steps - 1) if original != [at[1]] else None
            if scope is None:
                break
            items, at = self._of(scope).get(original[-1]), (scope, original[-1])
        found = items or self._leads.get(at)
        self._leads |= dict.fromkeys(trail, found)
        return found

    def _find(self, path: Sequence[str], module: int, steps: int) -> int | None:
        """The module that `path` leads to from `module`."""
        at: int | None = module
        for number, segment in enumerate(path):
            step = self._step(segment, at, steps) if at is not None else None
            at = self._step(segment, _TOP, steps) if step is None and number == 0 else step  # as paths of 2015 do
        return at

    def _step(self, segment: str, module: int, steps: int) -> int | None:
        if segment in ("crate", "self", "super"):
            return {"crate": _TOP, "self": module, "super": self._parents.get(module, _TOP)}[segment]
        items = self._of(module).get(segment) or self._followed(segment, module, steps) or ()
        bodies = [item.head + 2 for item in items if item.keyword == "mod"]
        return bodies[0] if bodies and bodies[0] in self._scanner.pairs else None
