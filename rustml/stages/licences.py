"""List the licences that the installed Python packages declare."""

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions

import msgspec

from rustml.records import Record

NOT_STATED = "not stated"
LONGEST_NAME = 60
"""Characters of a licence's name; what is longer is its text."""
CLASSIFIER = "License :: "


class Package(Record, frozen=True):
    """An installed package."""

    name: str
    version: str
    licence: str
    """As the package declares it, an SPDX expression where it gives one; `not stated` where it says nothing."""


def packages(installed: Iterable[Distribution] | None = None) -> list[Package]:
    """The packages of this environment, or those `installed`, by name."""
    by_name = {
        distribution.name.lower(): Package(distribution.name, distribution.version, declared(distribution))
        for distribution in (distributions() if installed is None else installed)
    }
    return [by_name[name] for name in sorted(by_name)]


def declared(distribution: Distribution) -> str:
    """The licence of a package: its expression, else the short name that it gives, else its classifiers."""
    metadata = distribution.metadata
    expression, name = ("".join(metadata.get_all(field) or []) for field in ("License-Expression", "License"))
    if expression:
        return expression
    name = name.strip()
    if name and "\n" not in name and len(name) <= LONGEST_NAME:
        return name
    classifiers = [text.rpartition(" :: ")[2] for text in metadata.get_all("Classifier") or [] if _names_one(text)]
    return "; ".join(classifiers) or NOT_STATED


def report(*, as_json: bool) -> Iterator[str]:
    """Lines: one per package, then how many packages declare each licence."""
    rows = packages()
    if as_json:
        yield msgspec.json.format(msgspec.json.encode(rows)).decode()
        return
    width = max(len(f"{row.name} {row.version}") for row in rows)
    yield from (f"{f'{row.name} {row.version}':{width}}  {row.licence}" for row in rows)
    yield ""
    yield from (f"{count:4} {licence}" for licence, count in Counter(row.licence for row in rows).most_common())


def _names_one(classifier: str) -> bool:
    return classifier.startswith(CLASSIFIER) and classifier != f"{CLASSIFIER}OSI Approved"
