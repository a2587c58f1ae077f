"""YAML without its silent traps."""

import math
import re
from typing import Any

import yaml

FLOAT = "tag:yaml.org,2002:float"
EXPONENT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")


class Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice and a number that is not finite, and reads `3e-5` as a number.

    YAML 1.1 reads `3e-5`, which lacks a point, as a text; YAML 1.2 reads it as a number.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping; raises ConstructorError for a key given twice."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for name, _ in node.value:
            key = str(name.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' twice", name.start_mark)
            seen.add(key)
        return node

    def finite(self, node: yaml.ScalarNode) -> float:
        """A float; raises ConstructorError for an infinite one and for NaN."""
        value = self.construct_yaml_float(node)
        if not math.isfinite(value):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is not a finite number", node.start_mark)
        return float(value)

    yaml_constructors = {**yaml.SafeLoader.yaml_constructors, FLOAT: finite}
    yaml_implicit_resolvers = {
        **yaml.SafeLoader.yaml_implicit_resolvers,
        **{c: [*yaml.SafeLoader.yaml_implicit_resolvers.get(c, []), (FLOAT, EXPONENT)] for c in "-+.0123456789"},
    }


def parse(text: str) -> Any:
    """The one document of a YAML text. Raises yaml.YAMLError, with line and column."""
    return yaml.load(text, Loader)  # noqa: S506  a SafeLoader
