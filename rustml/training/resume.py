"""Saves of a training that was killed: which of them is whole, and the newest of these."""

import json
import shutil
from pathlib import Path

STATE = "trainer_state.json"
"""The file that the trainer writes last."""
PARTS = (STATE, "optimizer.pt", "scheduler.pt", "rng_state*.pth", "*.safetensors")


def last_save(scratch: Path) -> Path | None:
    """The newest whole save in `scratch`, None where there is none; newer ones that were cut short are deleted."""
    for save in sorted(scratch.glob("checkpoint-*"), key=_step, reverse=True):
        if is_whole(save):
            return save
        shutil.rmtree(save)
    return None


def is_whole(save: Path) -> bool:
    """Whether every file that the trainer reads is there, and the last one names the step of the folder."""
    if not all(any(save.glob(part)) for part in PARTS):
        return False
    try:
        state = json.loads((save / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and state.get("global_step") == _step(save)


def _step(save: Path) -> int:
    digits = save.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1
