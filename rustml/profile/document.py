"""`docs/profile.md`, made from the typed sections.

python -m rustml.profile.document > docs/profile.md
"""

import inspect
import sys

from rustml.profile.describe import Entry, entries
from rustml.profile.schema import KIND, tag
from rustml.profile.section import Section

COMMAND = "python -m rustml.profile.document > docs/profile.md"
LONGEST_DEFAULT = 80
ESCAPED = r"\|"
HEADER = f"""\
# The profile, key by key

<!-- Generated: {COMMAND} -->

A profile states what differs from `profiles/defaults.yaml`, or from the profile that it names under `extends`. A key
without a default must be stated. `<name>` stands for a name, or for an item's number, that the profile chooses. A
section of several kinds is replaced whole by one of another `kind`, and null takes an entry out of a mapping of names.
Any key can be set from the command line by its dotted name, and `presets` names sets of such overrides:

```yaml
extends: tiny
sft:
  steps: 300
presets:
  short: {{sft.steps: 20, grpo.steps: 5}}
```
"""


def markdown() -> str:
    """The page: one table per section, in the order of the profile."""
    sections: dict[type[Section], list[Entry]] = {}
    for entry in entries():
        sections.setdefault(entry.owner, []).append(entry)
    return "\n".join([HEADER, *(_section(section, rows) for section, rows in sections.items())])


def _section(section: type[Section], rows: list[Entry]) -> str:
    names: dict[str, list[Entry]] = {}
    for row in rows:
        names.setdefault(row.key.rpartition(".")[2], []).append(row)
    table = "\n".join(_row(name, same) for name, same in names.items())
    head = "| key | type | default | meaning |\n|---|---|---|---|\n"
    return f"## {_title(section, rows)}\n\n{inspect.getdoc(section)}\n" + (f"\n{head}{table}\n" if table else "")


def _title(section: type[Section], rows: list[Entry]) -> str:
    places = dict.fromkeys(row.key.rpartition(".")[0] for row in rows)
    title = ", ".join(f"`{place}`" for place in places if place) or "Top level"
    return f"{title}, {KIND} `{tag(section)}`" if tag(section) else title


def _row(name: str, rows: list[Entry]) -> str:
    cells = [f"`{name}`", rows[0].type, _default(rows), rows[0].meaning]
    return f"| {' | '.join(cell.replace('|', ESCAPED) for cell in cells)} |"


def _default(rows: list[Entry]) -> str:
    """The default of a key at all its places; a long one, and a whole section, is to be read in the file."""
    texts = dict.fromkeys(row.default_text for row in rows)
    text = next(iter(texts))
    if len(texts) > 1 or len(text) > LONGEST_DEFAULT or (text.startswith("{") and len(text) > len("{}")):
        return "see the file"
    return f"`{text}`" if text else ""


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(markdown())


if __name__ == "__main__":
    main()
