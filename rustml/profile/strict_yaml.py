"""YAML without its silent traps: a key given twice and a number that is not finite are refused, `3e-5` is a number.

YAML 1.1 reads `3e-5`, which lacks a point, as a text; YAML 1.2 reads it as a number.
"""

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

FLOAT = "tag:yaml.org,2002:float"
UNLIKE = re.compile(r"[\t!\ufeff]|[|>][-+0-9]*#")
"""What the two parsers below do not read alike: tabs, tags, byte-order marks, a comment that touches `|` or `>`."""
EXPONENT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")


def _finite(loader: SafeConstructor, node: yaml.ScalarNode) -> float:
    value = float(loader.construct_yaml_float(node))
    if not math.isfinite(value):
        raise ConstructorError(None, None, f"{node.value} is not a finite number", node.start_mark)
    return value


RULES = {
    "yaml_constructors": {**yaml.SafeLoader.yaml_constructors, FLOAT: _finite},
    "yaml_implicit_resolvers": {
        **yaml.SafeLoader.yaml_implicit_resolvers,
        **{c: [*yaml.SafeLoader.yaml_implicit_resolvers.get(c, []), (FLOAT, EXPONENT)] for c in "-+.0123456789"},
    },
}
PYTHON = type("PythonLoader", (yaml.SafeLoader,), RULES)
"""PyYAML's own parser, whose errors quote the line."""
LIBYAML = type("LibyamlLoader", (yaml.CSafeLoader,), RULES) if yaml.__with_libyaml__ else None
"""The same with the parser in C, where PyYAML was built with it: it takes a fifth of the time."""


def parse(text: str) -> Any:
    """The one document of a YAML text. Raises yaml.YAMLError, with line and column."""
    if LIBYAML and not UNLIKE.search(text):
        with suppress(yaml.YAMLError, UnicodeError):  # the other parser says better what is wrong
            return read(text, LIBYAML)
    return read(text, PYTHON)


def read(text: str, loader_class: Any) -> Any:
    """The one document of a text by the parser `loader_class`. Raises yaml.YAMLError."""
    loader = loader_class(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        for mapping in _mappings(node, set()):
            _refuse_repeated_keys(mapping)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _mappings(node: yaml.Node, seen: set[int]) -> Iterator[yaml.MappingNode]:
    """The mappings below a node and itself, inner ones first; what an alias repeats comes once."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    children = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    for child in children:
        yield from _mappings(child, seen)
    if isinstance(node, yaml.MappingNode):
        yield node


def _refuse_repeated_keys(mapping: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for name, _ in mapping.value:
        key = str(name.value)
        if key in seen:
            raise ConstructorError(None, None, f"key '{key}' twice", name.start_mark)
        seen.add(key)
