"""What a command's failure looks like: one line that says what to do, and a code that a script can read."""

import errno
import os
import signal
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner

from entrypoints._support.command import stage_command
from rustml import errors
from rustml.errors import EnvironmentFault, EvidenceError, GateRefused, InputError, ProfileError, RustmlError
from rustml.profile import Profile, load
from rustml.stages import lifecycle

FAULTS = [
    (RustmlError("went wrong"), 1),
    (InputError("no such run"), 2),
    (ProfileError("tiny.yaml: no such key"), 2),
    (GateRefused("rust.pass fell"), 3),
    (EvidenceError("no decision"), 3),
    (EnvironmentFault("no bubblewrap"), 4),
]


def command_that(action: Callable[[], Any]) -> click.Command:
    @stage_command("toy")
    def toy(profile: Profile, reuse: bool) -> None:
        assert profile.name == "tiny"
        assert reuse
        action()

    return toy


def failing(error: BaseException) -> Callable[[], Any]:
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize(("error", "code"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_fault_is_one_line_and_its_code(error: RustmlError, code: int) -> None:
    result = CliRunner().invoke(command_that(failing(error)))
    assert (result.exit_code, result.output) == (code, f"Error: {error}\n")


def test_every_kind_of_fault_has_been_tried() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RustmlError)}
    tried = {type(error) for error, _ in FAULTS}
    assert all(any(issubclass(kind, known) for known in tried) for kind in kinds)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_file_and_says_that_it_resumes(number: int) -> None:
    result = CliRunner().invoke(command_that(failing(OSError(number, "full", "/data/shard"))))
    assert result.exit_code == EnvironmentFault.exit_code
    assert "/data/shard" in result.output
    assert "resumes" in result.output


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_folder_that_cannot_be_written_is_named(number: int) -> None:
    result = CliRunner().invoke(command_that(failing(OSError(number, "denied", "/data"))))
    assert result.exit_code == EnvironmentFault.exit_code
    assert "denied: /data. Make it writable" in result.output


def test_another_error_of_the_system_is_passed_on() -> None:
    result = CliRunner().invoke(command_that(failing(OSError(errno.EIO, "broken", "/data"))))
    assert isinstance(result.exception, OSError)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_ends_as_interrupted(number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGTERM)
    result = CliRunner().invoke(command_that(lambda: os.kill(os.getpid(), number)))
    assert result.exit_code == 130
    assert "run it again to resume" in result.output
    assert signal.getsignal(signal.SIGTERM) is before, "the handler is the caller's again"


@pytest.mark.parametrize(
    ("text", "seed", "model"),
    [("", 17, "rust-coder"), ("seed=5", 5, "rust-coder"), ("seed=6 'registered_model=two words'", 6, "two words")],
)
def test_overrides_reach_the_loaded_profile(text: str, seed: int, model: str) -> None:
    profiles: list[Profile] = []

    @stage_command("toy")
    def toy(profile: Profile, reuse: bool) -> None:
        assert reuse
        profiles.append(profile)

    done = CliRunner().invoke(toy, ["--set", text])
    assert done.exit_code == 0, done.output
    assert [(profile.seed, profile.registered_model) for profile in profiles] == [(seed, model)]


def test_an_option_may_stand_for_an_override_and_set_has_the_last_word() -> None:
    profiles: list[Profile] = []

    @stage_command("toy", reusable=False, shorthands={"samples": "sft.samples", "preset": "preset"})
    @click.option("--samples", type=int, default=0)
    @click.option("--preset", default="")
    def toy(profile: Profile) -> None:
        profiles.append(profile)

    for words in ([], ["--samples", "50", "--preset", "low-memory"], ["--samples", "50", "--set", "sft.samples=7"]):
        done = CliRunner().invoke(toy, words)
        assert done.exit_code == 0, done.output
    assert [profile.sft.samples for profile in profiles] == [None, 50, 7]
    assert [profile.sft.micro_batch for profile in profiles] == [None, 1, None]


@pytest.mark.parametrize(("text", "named"), [("seed='5", "quotation"), ("sead=5", "sead"), ("seed", "seed")])
def test_wrong_overrides_are_refused_before_anything_starts(text: str, named: str) -> None:
    done = CliRunner().invoke(command_that(lambda: pytest.fail("it started")), ["--set", text])
    assert done.exit_code == 2
    assert named in done.output


def test_options_of_the_wrong_type_are_refused_before_anything_starts() -> None:
    result = CliRunner().invoke(command_that(lambda: pytest.fail("it started")), ["--reuse", "perhaps"])
    assert result.exit_code == 2
    assert "perhaps" in result.output


def test_too_little_room_is_said_before_minutes_are_spent(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(lifecycle.toolchain, "find", lambda *_: None)
    monkeypatch.setattr(lifecycle, "open_sandbox", lambda _: None)
    monkeypatch.setattr(lifecycle.tracking, "home", lambda: tmp_path)
    monkeypatch.setattr(lifecycle, "DISK_BYTES", 1 << 62)
    with pytest.raises(EnvironmentFault, match="MiB free"):
        lifecycle.preflight(load("tiny"))


def test_explain_tells_origins_and_runs_nothing_whatever_else_is_missing() -> None:
    @stage_command("toy")
    @click.option("--bank", required=True)
    def toy(profile: Profile, bank: str, reuse: bool) -> None:
        pytest.fail(f"ran with {profile.name}, {bank}, {reuse}")

    result = CliRunner().invoke(toy, ["--explain", "--set", "sft.steps=3"])
    assert result.exit_code == 0, result.output
    steps = next(line for line in result.output.splitlines() if line.startswith("sft.steps "))
    assert steps.split(maxsplit=2) == ["sft.steps", "3", "command line"]
    refused = CliRunner().invoke(toy, ["--bank", "b", "--set", "sft.step=3", "--explain"])
    assert refused.exit_code == 2
    assert "sft.step" in refused.output
    assert "--explain" in CliRunner().invoke(toy, ["--help"]).output
