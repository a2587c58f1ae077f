"""Licences of what is installed."""

from email.message import Message
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from entrypoints.licences import main
from rustml.stages.licences import NOT_STATED, Package, packages

TEXT = "Copyright 2020 Someone.\n  Permission is granted ..."
APPROVED = "License :: OSI Approved"


def distribution(folder: Path, name: str, **fields: str | list[str]) -> Distribution:
    place = folder / f"{name}-1.0.dist-info"
    place.mkdir()
    message = Message()
    for key, values in {"Name": name, "Version": "1.0", **fields}.items():
        for value in [values] if isinstance(values, str) else values:
            message[key.replace("_", "-")] = value
    (place / "METADATA").write_text(message.as_string())
    return PathDistribution(place)


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "old"}, "MIT OR Apache-2.0"),
        ({"License": "BSD-3-Clause", "Classifier": f"{APPROVED} :: BSD License"}, "BSD-3-Clause"),
        ({"License": TEXT, "Classifier": [f"{APPROVED} :: BSD License", f"{APPROVED} :: MIT License"]},
         "BSD License; MIT License"),
        ({"Classifier": [APPROVED, "Topic :: Software"]}, NOT_STATED),
        ({}, NOT_STATED),
    ],
)  # fmt: skip
def test_a_package_is_listed_with_what_it_declares(
    fields: dict[str, str | list[str]], licence: str, tmp_path: Path
) -> None:
    assert packages([distribution(tmp_path, "one", **fields)]) == [Package("one", "1.0", licence)]


def test_the_command_lists_every_installed_package_and_counts_licences() -> None:
    shown = CliRunner().invoke(main, ["--json"])
    listed = msgspec.json.decode(shown.output, type=list[Package])
    assert {"mlflow", "torch", "transformers", "openai"} <= {package.name for package in listed}
    lines = CliRunner().invoke(main, []).output.splitlines()
    counts = [int(line.split()[0]) for line in lines[lines.index("") + 1 :]]
    assert sum(counts) == lines.index("") == len(listed)
