"""A suite that pins a Rust toolchain is judged by it, says so in its protocol, and is refused where it is missing."""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.errors import EnvironmentFault, InputError, ProfileError
from rustml.judge import Judge
from rustml.judge.rust import toolchain
from rustml.profile import Profile, load
from rustml.stages import evaluate, pinned_toolchains
from tests.support.evaluation_doubles import made_suite
from tests.support.judge_cases import LIMITS, RIGHT, WRONG, candidate

MISSING = "1.2.3"
REFUSAL = f"toolchain {MISSING} is not installed: run `rustup toolchain install {MISSING} --profile minimal"
pytestmark = pytest.mark.skipif(shutil.which("rustup") is None, reason="rustup is not on PATH")


def pinned(name: str, *settings: str) -> Profile:
    return load("tiny", [f"evaluation.suites.rust.toolchain={name}", *settings])


def installed() -> str:
    """The name of a toolchain that is there: the active one."""
    told = subprocess.run(["rustup", "show", "active-toolchain"], capture_output=True, text=True, check=True)
    return told.stdout.split()[0]


def test_a_pinned_toolchain_judges() -> None:
    with Judge(LIMITS, workers=1, pinned=installed()) as judge:
        verdicts = judge.judge([candidate(RIGHT, "right"), candidate(WRONG, "wrong")])
    assert [verdict.status for verdict in verdicts] == ["passed", "wrong"]


def test_the_suite_gets_its_judge_and_its_protocol_the_version(tmp_path: Path) -> None:
    with ExitStack() as stack:
        suite = pinned_toolchains.with_judge(pinned(installed()), made_suite(1), CacheLayout(tmp_path), stack)
        assert isinstance(suite.judge, Judge)
    assert suite.judge_versions == {"rust": toolchain.find(installed()).version}


def test_a_suite_that_pins_nothing_is_left_as_it_is(tmp_path: Path) -> None:
    with ExitStack() as stack:
        suite = made_suite(1)
        assert pinned_toolchains.with_judge(load("tiny"), suite, CacheLayout(tmp_path), stack) is suite


def test_a_toolchain_that_is_missing_is_refused_with_the_command(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(EnvironmentFault, match=REFUSAL):
        pinned_toolchains.with_judge(pinned(MISSING), made_suite(1), CacheLayout(tmp_path), stack)


def test_the_key_holds_the_version_of_what_is_pinned() -> None:
    assert evaluate.environment(pinned(MISSING))[f"rust.{MISSING}"] == "not installed"
    assert "rustc " in evaluate.environment(pinned(installed()))[f"rust.{installed()}"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"engine": "server", "server": "http://127.0.0.1:1"}, "has their toolchain"),
        ({"engine": "ray"}, "has their toolchain"),
        ({"crates": "crates.txt"}, "crates are built with the toolchain on PATH"),
    ],
)
def test_a_judge_that_cannot_have_another_toolchain_says_why(
    change: dict[str, str], reason: str, tmp_path: Path
) -> None:
    profile = pinned(MISSING)
    profile = msgspec.structs.replace(profile, judge=msgspec.structs.replace(profile.judge, **change))
    with ExitStack() as stack, pytest.raises(InputError, match=f"suites.rust.toolchain: .*{reason}"):
        pinned_toolchains.with_judge(profile, made_suite(1), CacheLayout(tmp_path), stack)


def test_only_suites_of_rust_pin_a_toolchain() -> None:
    with pytest.raises(ProfileError, match="`toolchain` belongs to groups rust and untested"):
        load("tiny", ["evaluation.suites.python.toolchain=1.95.0"])
