"""What users may import, and that it costs nothing before it is used."""

import json
import subprocess
import sys

import pytest

import rustml

PUBLIC = [
    "Candidate",
    "Decision",
    "Evaluation",
    "Judge",
    "Limits",
    "Pair",
    "Problem",
    "Profile",
    "RustmlError",
    "Thresholds",
    "Verdict",
    "__version__",
    "decide",
    "load_evaluation",
    "load_profile",
]


def test_the_public_names_are_these() -> None:
    assert rustml.__all__ == PUBLIC, "a name that is added or taken away is a change that users notice: CHANGELOG.md"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rustml, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Jugde'"):
        rustml.Jugde  # noqa: B018


def test_importing_the_package_loads_no_library() -> None:
    program = (
        "import json, sys, rustml; print(json.dumps([m for m in ('msgspec', 'mlflow', 'torch') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
