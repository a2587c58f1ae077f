"""The command that a version's page shows can be run as it stands."""

import importlib

import pytest

from rustml.profile import load
from rustml.release.ladder import ladder_of
from rustml.release.next_command import next_command

PHASES = ["ladder=[sft, sft2, expert_iteration, grpo, champion]", "phases={sft2: {step: sft, changes: {}}}"]


@pytest.mark.parametrize("changes", [[], PHASES], ids=["default", "phases"])
@pytest.mark.parametrize("promoted", [True, False])
def test_a_command_gives_what_its_entry_point_asks_for(changes: list[str], promoted: bool) -> None:
    ladder = ladder_of(load("tiny", changes))
    for step in ladder:
        words = next_command("3", step, ladder, promoted=promoted, bank="abc").split()
        stage, given = words[words.index("-e") + 1], dict(word.split("=") for word in words if "=" in word)
        command = importlib.import_module(f"entrypoints.{stage}").main
        assert {option.name for option in command.params if option.required} <= given.keys()
        assert stage not in {"sft", "grpo", "expert_iteration"} or given["bank"] == "abc"


def test_a_further_phase_is_given_its_pairs() -> None:
    ladder = ladder_of(load("tiny", PHASES))
    assert next_command("3", ladder.step("sft"), ladder, promoted=True).endswith(
        "-e sft -P version=3 -P bank=RUN -P pairs=RUN"
    )
